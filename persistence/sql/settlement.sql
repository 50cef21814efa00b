-- name: read_open
-- The unsettled orders among some ids; whether they wait for too long is told by their
-- last change, which another try of the payment is.
select order_id, tenant_id, user_id, currency, total, status, payment_status,
       version, created_at,
       $3::double precision > 0 and updated_at < now() - make_interval(secs => $3)
from orders
where order_id = any($1::uuid[]) and status = any($2::text[]);

-- name: count_existing
-- How many of some ids are orders, whatever their state.
select count(*) from orders where order_id = any($1::uuid[]);

-- name: move_orders
-- Moves orders from one state and version to the next, unless they moved already.
-- Rows are locked as the index gives them: in the order of their ids.
update orders
set status = $2, payment_status = $3, version = version + 1, updated_at = now()
where order_id = any($1::uuid[])
  and status = $4 and payment_status = $5 and version = $6
returning order_id;

-- name: free_orders
-- Locks those of some orders that nobody else holds.
select order_id
from orders
where order_id = any($1::uuid[])
order by order_id
for no key update skip locked;

-- name: watch_held
-- Has the sweeper look at orders that others hold: soon, however often it did before.
with sooner as (
    update stuck_orders
    set next_attempt_at = least(next_attempt_at, now() + make_interval(secs => $2))
    where order_id = any(array(select order_id
                               from stuck_orders
                               where order_id = any($1::uuid[])
                               for no key update skip locked))
)
insert into stuck_orders (order_id, created_at, noted_at, attempts, next_attempt_at)
select order_id, created_at, now(), 0, now() + make_interval(secs => $2)
from orders
where order_id = any($1::uuid[])
order by order_id
on conflict do nothing;

-- name: record_settlements
-- Writes history, outbox and notification rows of the orders that moved, and returns
-- the time of the transaction.
with moved as materialized (
    select *
    from json_to_recordset($1::json) as row (
        id uuid, version integer, type text, data text, reason text,
        tenant text, usr bigint, channel text, message text)
), told as (
    insert into order_events (order_id, version, type, data, occurred_at, actor,
                              reason)
    select id, version, type, data, now(), 'payment-resolver', reason
    from moved
), queued as (
    insert into outbox (order_id, version, node_id, created_at)
    select id, version, $2, now()
    from moved
), noticed as (
    insert into notifications (order_id, version, channel, tenant_id, user_id,
                               message, created_at)
    select id, version, channel, tenant, usr, message, now()
    from moved
    where channel is not null
)
select now();

-- name: forget_published
-- Deletes the outbox rows of one version of some orders.
delete from outbox where order_id = any($1::uuid[]) and version = $2;

-- name: forget_unheld
-- The same but for rows that others hold: they are published and confirmed once more.
delete from outbox
where order_id = any(array(select order_id
                           from outbox
                           where order_id = any($1::uuid[]) and version = $2
                           for update skip locked))
  and version = $2;

-- name: bury
-- Keeps records that cannot be processed; one that is there already is left alone.
insert into dead_letters (topic, partition, record_offset, fingerprint, key, headers,
                          value, reason, buried_at)
select topic, partition, "offset", decode(print, 'base64'), decode(key, 'base64'),
       headers, decode(value, 'base64'), reason, now()
from json_to_recordset($1::json) as row (
    topic text, partition integer, "offset" bigint, print text, key text,
    headers json, value text, reason text)
order by topic, partition, "offset"
on conflict do nothing;
