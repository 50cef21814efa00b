-- Lists of a tenant's orders, newest first: all, a user's, those of a reference.
--
-- Only columns that never change: an index that named the status would cost every
-- settlement its heap-only update. Collation C: the order of an index must be the
-- same after every upgrade of the operating system, and compares fastest.

create index orders_by_tenant on orders (tenant_id collate "C", order_id);

create index orders_by_user on orders (tenant_id collate "C", user_id, order_id);

create index orders_by_reference
    on orders (tenant_id collate "C", reference collate "C", order_id)
    where reference is not null;
