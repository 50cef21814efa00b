-- name: take_key
-- Takes a client's key for a change, unless it is taken; waits for its first request.
insert into idempotency_keys (tenant_id, route, key, order_id, fingerprint, created_at)
values ($1, $2, $3, $4::uuid, $5, now())
on conflict do nothing
returning true;

-- name: lock_order
-- One order, whatever its tenant, locked; fails at once where others hold it.
select order_id, tenant_id, user_id, currency, total, items, reference, metadata,
       status, payment_status, version, created_at, updated_at
from orders
where order_id = $1::uuid
for no key update nowait;

-- name: count_events
-- How often something happened to an order.
select count(*) from order_events where order_id = $1::uuid and type = $2;

-- name: record_change
-- Writes history, outbox and notification row of an order that moved, and returns
-- the time of the transaction.
with told as (
    insert into order_events (order_id, version, type, data, occurred_at, actor,
                              reason, traceparent)
    values ($1::uuid, $2::integer, $3, $4, now(), $5, $6, $7)
), queued as (
    insert into outbox (order_id, version, node_id, created_at)
    values ($1::uuid, $2::integer, $8, now())
), noticed as (
    insert into notifications (order_id, version, channel, tenant_id, user_id,
                               message, created_at)
    select $1::uuid, $2::integer, $9::text, $10, $11, $12, now()
    where $9::text is not null
)
select now();

-- name: watch_order
-- Has the sweeper look at an order that is open again: its scan has passed the order
-- by its age and will not come back. The age that counts is that of the new attempt.
insert into stuck_orders (order_id, created_at, noted_at, attempts, next_attempt_at)
values ($1::uuid, now(), now(), 0, now() + make_interval(secs => $2))
on conflict (order_id) do update
set created_at = excluded.created_at, noted_at = excluded.noted_at,
    attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at;
