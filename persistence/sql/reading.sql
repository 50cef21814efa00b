-- name: read_orders
-- Orders by id, whatever their tenant.
select order_id, tenant_id, user_id, currency, total, items, reference, metadata,
       status, payment_status, version, created_at, updated_at
from orders
where order_id = any($1::uuid[]);

-- name: read_history
-- The history of one tenant's order, by version; no rows where there is no order.
select version, type, data, occurred_at, actor, reason
from order_events
where order_id = $1::uuid
  and exists (select from orders where order_id = $1::uuid and tenant_id = $2)
order by version;

-- name: read_notifications
-- A user's notifications, newest first.
select order_id, version, user_id, channel, message, created_at
from notifications
where tenant_id = $1 and user_id = $2
order by created_at desc, order_id desc, version desc
limit $3;
