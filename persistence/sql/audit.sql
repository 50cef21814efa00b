-- name: begin_audit
-- One view of everything that is committed, which changes nothing.
set transaction isolation level repeatable read, read only;

-- name: open_orders
-- All orders by id; the ids of UUIDv7 make this nearly the order on the disk.
declare audit_orders no scroll cursor for
select order_id, tenant_id, user_id, currency, total, items, reference, status,
       payment_status, version,
       extract(epoch from now() - created_at)::double precision,
       extract(epoch from now() - updated_at)::double precision
from orders
order by order_id;

-- name: open_history
-- All history rows by order.
declare audit_history no scroll cursor for
select order_id, version, type, data, reason
from order_events
order by order_id, version;

-- name: open_notices
-- All notifications by order.
declare audit_notices no scroll cursor for
select order_id, version, user_id, channel, message
from notifications
order by order_id, version, channel;

-- name: open_waiting
-- All outbox rows by order.
declare audit_waiting no scroll cursor for
select order_id, version, extract(epoch from now() - created_at)::double precision
from outbox
order by order_id, version;

-- name: open_keys
-- All idempotency keys by order. No index has this order: the server sorts them.
declare audit_keys no scroll cursor for
select order_id, route, key
from idempotency_keys
order by order_id, route, key;

-- name: open_refunds
-- All refunds by order.
declare audit_refunds no scroll cursor for
select order_id, version, tenant_id, currency, amount_minor, state
from refunds
order by order_id, version;

-- name: fetch_orders
-- The next page of orders.
fetch forward 2000 from audit_orders;

-- name: fetch_history
-- The next page of history rows.
fetch forward 4000 from audit_history;

-- name: fetch_notices
-- The next page of notifications.
fetch forward 2000 from audit_notices;

-- name: fetch_waiting
-- The next page of outbox rows.
fetch forward 2000 from audit_waiting;

-- name: fetch_keys
-- The next page of idempotency keys.
fetch forward 2000 from audit_keys;

-- name: fetch_refunds
-- The next page of refunds.
fetch forward 2000 from audit_refunds;

-- name: find_events
-- The history rows of some orders, as they are now.
select order_id, version, type, data, reason
from order_events
where order_id = any($1::uuid[]);

-- name: buried_places
-- Which records of one topic have dead letters, among some partitions and offsets.
select wanted.partition, wanted.record_offset
from unnest($2::integer[], $3::bigint[]) as wanted (partition, record_offset)
where exists (
    select from dead_letters d
    where d.topic = $1
      and d.partition = wanted.partition
      and d.record_offset = wanted.record_offset);

-- name: count_letters
-- How many records of one topic were kept as dead letters.
select count(*) from dead_letters where topic = $1;
