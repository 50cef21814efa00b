-- name: own_outbox
-- One node's outbox rows behind a place, with what is to be published.
with due as materialized (
    select order_id, version
    from outbox
    where (order_id, version) > ($2::uuid, $3)
      and node_id = $1
      and created_at <= now() - make_interval(secs => $4)
    order by order_id, version
    limit $5
)
select e.order_id, e.version, e.type, e.data, e.occurred_at, e.traceparent
from due
cross join lateral (
    select *
    from order_events
    where order_id = due.order_id and version = due.version
    limit 1) e
order by e.order_id, e.version;

-- name: abandoned_outbox
-- Outbox rows of nodes that are gone, and old rows of any node.
with alive as materialized (
    select node_id from nodes where lease_until > now()
), due as materialized (
    select order_id, version
    from outbox
    where created_at <= now() - make_interval(secs => $1)
       or node_id not in (select node_id from alive)
    order by order_id, version
    limit $2
)
select e.order_id, e.version, e.type, e.data, e.occurred_at, e.traceparent
from due
cross join lateral (
    select *
    from order_events
    where order_id = due.order_id and version = due.version
    limit 1) e
order by e.order_id, e.version;

-- name: outbox_state
-- How many rows wait to be published, up to a limit, and the age of the oldest.
select count(*),
       coalesce(extract(epoch from now() - min(created_at)), 0)::double precision
from (select created_at from outbox order by order_id, version limit $1) counted;

-- name: lock_mark
-- The place the scan has come to; one scan at a time moves it.
select created_at::text, order_id
from sweep_marks
where name = 'unsettled'
for update;

-- name: scan_bound
-- No order created before this time can still appear: it is older than any open
-- transaction. A statement of its own, because the scan must not use a snapshot
-- that is older than this look at the running transactions.
select least(
    now() - make_interval(secs => $1),
    (select min(xact_start)
     from pg_stat_activity
     where backend_type = 'client backend' and pid <> pg_backend_pid()),
    (select min(prepared) from pg_prepared_xacts))::text;

-- name: scan_unsettled
-- Looks at the next orders by age. Settled ones and those noted as stuck are left
-- behind the mark; the first young unsettled one stops it.
with page as materialized (
    select created_at, order_id, status = any($5::text[]) as unsettled
    from orders
    where (created_at, order_id) > ($1::timestamptz, $2::uuid)
      and created_at < $3::timestamptz
    order by created_at, order_id
    limit $6
), stop as materialized (
    select created_at, order_id
    from page
    where unsettled and created_at > now() - make_interval(secs => $4)
    order by created_at, order_id
    limit 1
), passed as materialized (
    select page.*
    from page
    where not exists (
        select from stop
        where (page.created_at, page.order_id) >= (stop.created_at, stop.order_id))
), noted as (
    insert into stuck_orders (order_id, created_at, noted_at, attempts,
                              next_attempt_at)
    select order_id, created_at, now(), 0, now()
    from passed
    where unsettled
    on conflict do nothing
), moved as (
    update sweep_marks
    set (created_at, order_id) = (
        select created_at, order_id
        from passed
        order by created_at desc, order_id desc
        limit 1)
    where name = 'unsettled' and exists (select from passed)
)
select (select count(*) from passed),
       coalesce(extract(epoch from now() - (
           select min(created_at)
           from (select created_at from stop
                 union all
                 select created_at from passed where unsettled) open)),
           0)::double precision;

-- name: oldest_stuck_age
-- Age of the oldest order noted as stuck that is still unsettled; 0 without one.
-- The limit of the inner query makes it a look-up by id, never a scan of orders.
select coalesce(extract(epoch from now() - (
    select s.created_at
    from stuck_orders s
    cross join lateral (
        select from orders o
        where o.order_id = s.order_id and o.status = any($1::text[])
        limit 1) still
    order by s.created_at
    limit 1)), 0)::double precision;

-- name: due_stuck
-- Takes stuck orders whose time has come: forgets those that are settled, puts the
-- others off by a backoff that doubles up to a cap, and returns them.
with due as materialized (
    select order_id
    from stuck_orders
    where next_attempt_at <= now()
    order by next_attempt_at
    limit $1
    for update skip locked
), still as materialized (
    select due.order_id
    from due
    cross join lateral (
        select from orders o
        where o.order_id = due.order_id and o.status = any($2::text[])
        limit 1) o
), forgotten as (
    delete from stuck_orders
    where order_id = any(array(select order_id from due))
      and not order_id = any(array(select order_id from still))
)
update stuck_orders
set attempts = attempts + 1,
    next_attempt_at = now() + make_interval(
        secs => least($4, $3 * 2 ^ least(attempts, 30)))
where order_id = any(array(select order_id from still))
returning order_id;

-- name: delete_expired_keys
-- Deletes some of the oldest keys past their time.
delete from idempotency_keys
where ctid = any(array(
    select ctid
    from idempotency_keys
    where created_at < now() - make_interval(secs => $1)
    order by created_at
    limit $2
    for update skip locked));

-- name: dead_letter_count
-- How many dead letters are kept, up to a limit.
select count(*) from (select from dead_letters limit $1) counted;
