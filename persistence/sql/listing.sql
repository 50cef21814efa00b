-- Whole index keys are compared and sorted by, though but for the id they are the
-- same in all rows: no other index gives this order, so that the planner, whatever
-- it has been told about the table, cannot walk past other people's orders instead.

-- name: list_orders
-- A tenant's orders in a range of ids, newest first, among a bounded number of them.
-- The last one of that number comes along even where it does not match. No states mean
-- all, those that only another release knows included.
select matches, place = $8 as is_last,
       order_id, tenant_id, user_id, currency, total, items, reference, metadata,
       status, payment_status, version, created_at, updated_at
from (select *,
             coalesce(status = any($4::text[]), true)
                 and coalesce(payment_status = any($5::text[]), true)
                 and created_at >= $6::timestamptz
                 and created_at < $7::timestamptz as matches,
             row_number() over newest as place
      from orders
      where (tenant_id collate "C", order_id) >= ($1, $2::uuid)
        and (tenant_id collate "C", order_id) < ($1, $3::uuid)
      window newest as (order by tenant_id collate "C" desc, order_id desc)
      order by tenant_id collate "C" desc, order_id desc
      limit $8) examined
where matches or place = $8
order by tenant_id collate "C" desc, order_id desc
limit $9;

-- name: list_orders_of_user
-- The same among one user's orders.
select matches, place = $8 as is_last,
       order_id, tenant_id, user_id, currency, total, items, reference, metadata,
       status, payment_status, version, created_at, updated_at
from (select *,
             coalesce(status = any($4::text[]), true)
                 and coalesce(payment_status = any($5::text[]), true)
                 and created_at >= $6::timestamptz
                 and created_at < $7::timestamptz as matches,
             row_number() over newest as place
      from orders
      where (tenant_id collate "C", user_id, order_id) >= ($1, $10, $2::uuid)
        and (tenant_id collate "C", user_id, order_id) < ($1, $10, $3::uuid)
      window newest as (order by tenant_id collate "C" desc, user_id desc, order_id desc)
      order by tenant_id collate "C" desc, user_id desc, order_id desc
      limit $8) examined
where matches or place = $8
order by tenant_id collate "C" desc, user_id desc, order_id desc
limit $9;

-- name: list_orders_of_reference
-- The same among the orders with one reference.
select matches, place = $8 as is_last,
       order_id, tenant_id, user_id, currency, total, items, reference, metadata,
       status, payment_status, version, created_at, updated_at
from (select *,
             coalesce(status = any($4::text[]), true)
                 and coalesce(payment_status = any($5::text[]), true)
                 and created_at >= $6::timestamptz
                 and created_at < $7::timestamptz as matches,
             row_number() over newest as place
      from orders
      where (tenant_id collate "C", reference collate "C", order_id) >= ($1, $10, $2::uuid)
        and (tenant_id collate "C", reference collate "C", order_id) < ($1, $10, $3::uuid)
        and reference is not null
      window newest as (order by tenant_id collate "C" desc, reference collate "C" desc, order_id desc)
      order by tenant_id collate "C" desc, reference collate "C" desc, order_id desc
      limit $8) examined
where matches or place = $8
order by tenant_id collate "C" desc, reference collate "C" desc, order_id desc
limit $9;
