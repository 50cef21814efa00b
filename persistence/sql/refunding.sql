-- name: refunded
-- How much of an order went back, and in how many refunds, as of one of its versions:
-- a refund that was committed since the order was read belongs to a later one.
select coalesce(sum(amount_minor), 0)::bigint, count(*)
from refunds
where order_id = $1::uuid and version <= $2;

-- name: keep_refund
-- Keeps the refund of an order that moved.
insert into refunds (order_id, refund_id, tenant_id, version, currency, amount_minor,
                     state, key, actor, reason, created_at)
values ($1::uuid, $2::uuid, $3, $4, $5, $6, $7, $8, $9, $10, now());

-- name: refund_of_key
-- The refund that a client's key stands for: the last one, keys being forgotten.
select refund_id, order_id, tenant_id, version, currency, amount_minor, state, actor,
       reason, created_at
from refunds
where order_id = $1::uuid and key = $2
order by version desc
limit 1;

-- name: read_refunds
-- The refunds of one order, oldest first.
select refund_id, order_id, tenant_id, version, currency, amount_minor, state, actor,
       reason, created_at
from refunds
where order_id = $1::uuid
order by version
limit $2;
