-- name: store_orders
-- Stores a batch of orders whose clients gave no key, with history and outbox rows.
-- Returns the time of the transaction and the ids that were there before.
with batch as materialized (
    select *
    from json_to_recordset($1::json) as row (
        id uuid, tenant text, usr bigint, cur text, total bigint, items json,
        ref text, meta text, data text, trace text)
), stored as (
    insert into orders (order_id, tenant_id, user_id, currency, total, items,
                        reference, metadata, status, payment_status, version,
                        created_at, updated_at)
    select id, tenant, usr, cur, total, items, ref, meta::json,
           'PENDING', 'PENDING', 1, now(), now()
    from batch
    on conflict do nothing
    returning order_id
), told as (
    insert into order_events (order_id, version, type, data, occurred_at, actor,
                              traceparent)
    select id, 1, 'orders.order.accepted.v1', data, now(), 'order-intake', trace
    from batch
    where id in (select order_id from stored)
), queued as (
    insert into outbox (order_id, version, node_id, created_at)
    select order_id, 1, $2, now()
    from stored
)
select now(), array(select id::text from batch
                    where id not in (select order_id from stored));

-- name: store_keyed_orders
-- Stores a batch in which clients gave keys: only the orders whose key is new here.
-- Keys are taken in their order, so that two nodes cannot wait for each other in a
-- circle. Waits for someone else's key for $3. Returns the time of the transaction and
-- the ids that were not stored.
with batch as materialized (
    select row.*
    from (select set_config('lock_timeout', $3, true)) as patience,
         json_to_recordset($1::json) as row (
        id uuid, tenant text, usr bigint, cur text, total bigint, items json,
        ref text, meta text, data text, trace text,
        route text, key text, print text)
), won as (
    insert into idempotency_keys (tenant_id, route, key, order_id, fingerprint,
                                  created_at)
    select tenant, route, key, id, decode(print, 'hex'), now()
    from batch
    where key is not null
    order by tenant collate "C", route collate "C", key collate "C"
    on conflict do nothing
    returning order_id
), stored as (
    insert into orders (order_id, tenant_id, user_id, currency, total, items,
                        reference, metadata, status, payment_status, version,
                        created_at, updated_at)
    select id, tenant, usr, cur, total, items, ref, meta::json,
           'PENDING', 'PENDING', 1, now(), now()
    from batch
    where key is null or id in (select order_id from won)
    on conflict do nothing
    returning order_id
), told as (
    insert into order_events (order_id, version, type, data, occurred_at, actor,
                              traceparent)
    select id, 1, 'orders.order.accepted.v1', data, now(), 'order-intake', trace
    from batch
    where id in (select order_id from stored)
), queued as (
    insert into outbox (order_id, version, node_id, created_at)
    select order_id, 1, $2, now()
    from stored
)
select now(), array(select id::text from batch
                    where id not in (select order_id from stored));

-- name: read_key_holders
-- For each asked key, given with its place in the question: the fingerprint of its
-- first request and that request's order.
select asked.place, held.fingerprint, held.order_id
from json_to_recordset($1::json) as asked (
    place integer, tenant text, route text, key text)
cross join lateral (
    select fingerprint, order_id
    from idempotency_keys
    where tenant_id = asked.tenant and route = asked.route and key = asked.key
    limit 1  -- there is one at most; said so, the planner looks each key up
) held;

-- name: probe
-- Says whether the server takes writes, and shows that a commit comes to an end.
select case when current_setting('transaction_read_only') = 'off'
            then pg_logical_emit_message(true, 'orders', '') is not null
            else false end;
