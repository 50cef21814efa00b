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
-- Outbox rows of nodes that are gone, and old rows of any node, behind a place.
with alive as materialized (
    select node_id from nodes where lease_until > now()
), due as materialized (
    select order_id, version
    from outbox
    where (order_id, version) > ($1::uuid, $2)
      and (created_at <= now() - make_interval(secs => $3)
           or node_id not in (select node_id from alive))
    order by order_id, version
    limit $4
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
-- The place the search has come to, and since when the transaction is open that it
-- went round. One node at a time moves it; the others do without.
select created_at::text, order_id,
       (select created_at::text from sweep_marks where name = 'held')
from sweep_marks
where name = 'unsettled'
for update skip locked;

-- name: scan_bound
-- No order created before this time can still appear: whoever inserts one holds this
-- lock on the table, from the start of its transaction on but for a moment, and readers
-- do not. Locks are seen whatever the role; the time only with the right to see it.
-- A statement of its own, because the scan must not use a snapshot that is older than
-- this look at the running transactions.
with writers as materialized (
    select a.xact_start
    from pg_locks l
    left join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'relation' and l.mode = 'RowExclusiveLock'
      and l.relation = 'orders'::regclass
      and l.database = (select oid from pg_database
                        where datname = current_database())
      and l.pid is distinct from pg_backend_pid()
), bound as materialized (
    select least(
        now() - make_interval(secs => $1),
        (select greatest(min(coalesce(xact_start, '-infinity')),
                         now() - make_interval(secs => $2))
         from writers
         having count(*) > 0)) as created_before
)
select created_before::text,
       extract(epoch from now() - created_before)::double precision,
       (select min(xact_start)::text
        from writers
        where xact_start < now() - make_interval(secs => $2))
from bound;

-- name: note_hold
-- Remembers since when the transaction is open that the search goes round.
insert into sweep_marks (name, created_at, order_id)
values ('held', $1::timestamptz, '00000000-0000-0000-0000-000000000000')
on conflict (name) do update set created_at = excluded.created_at;

-- name: end_hold
-- No such transaction is open any more.
delete from sweep_marks where name = 'held';

-- name: go_back
-- Has the search begin again at a time it has passed.
update sweep_marks
set created_at = $1::timestamptz, order_id = '00000000-0000-0000-0000-000000000000'
where name = 'unsettled' and created_at > $1::timestamptz;

-- name: scan_unsettled
-- Looks at the next orders by age. Settled ones and those noted as stuck are left
-- behind the mark; the first young unsettled one stops it.
with page as materialized (
    select o.created_at, o.order_id, o.unsettled
    from sweep_marks m
    cross join lateral (
        select created_at, order_id, status = any($3::text[]) as unsettled
        from orders
        where (created_at, order_id) > (m.created_at, m.order_id)
          and created_at < $1::timestamptz
        order by created_at, order_id
        limit $4) o
    where m.name = 'unsettled'
), stop as materialized (
    select created_at, order_id
    from page
    where unsettled and created_at > now() - make_interval(secs => $2)
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
select count(*) from passed;

-- name: oldest_unsettled_age
-- Age of the oldest unsettled order, noted as stuck or ahead of the search; 0 without
-- one, null where only settled ones were found among as many as are looked at. The
-- limits of the inner queries make it look-ups by id, and end them at the first hit.
with stuck as materialized (
    select s.created_at
    from (select order_id, created_at
          from stuck_orders
          order by created_at
          limit $2) s
    cross join lateral (
        select from orders o
        where o.order_id = s.order_id and o.status = any($1::text[])
        limit 1) still
    order by s.created_at
    limit 1
), ahead as materialized (
    select o.created_at
    from sweep_marks m
    cross join lateral (
        select created_at
        from (select created_at, status
              from orders
              where (created_at, order_id) > (m.created_at, m.order_id)
              order by created_at, order_id
              limit $2) looked
        where status = any($1::text[])
        limit 1) o
    where m.name = 'unsettled'
)
select case
    when (not exists (select from stuck)
          and (select count(*) from (select from stuck_orders limit $2) s) = $2)
      or (not exists (select from ahead)
          and (select count(*)
               from sweep_marks m
               cross join lateral (
                   select from orders
                   where (created_at, order_id) > (m.created_at, m.order_id)
                   order by created_at, order_id
                   limit $2) o
               where m.name = 'unsettled') = $2)
    then null
    else coalesce(extract(epoch from now() - least(
        (select created_at from stuck), (select created_at from ahead))), 0)
end::double precision;

-- name: forget_settled
-- Looks at the stuck orders whose time has come and forgets those that are settled.
with looked as materialized (
    select order_id
    from stuck_orders
    where next_attempt_at <= now()
    order by next_attempt_at
    limit $1
    for update skip locked
), settled as materialized (
    select looked.order_id
    from looked
    left join lateral (
        select true as is_open
        from orders o
        where o.order_id = looked.order_id and o.status = any($2::text[])
        limit 1) o on true
    where o.is_open is null
)
delete from stuck_orders
where order_id = any(array(select order_id from settled));

-- name: due_stuck
-- Takes stuck orders whose time has come and that are old enough, and puts them off by
-- a backoff that doubles up to a cap. Settled ones are passed without counting.
with looked as materialized (
    select order_id
    from stuck_orders
    where next_attempt_at <= now()
      and created_at <= now() - make_interval(secs => $2)
    order by next_attempt_at
    limit $1
), still as materialized (
    select looked.order_id
    from looked
    cross join lateral (
        select from orders o
        where o.order_id = looked.order_id and o.status = any($3::text[])
        limit 1) o
    limit $4
), taken as materialized (
    select order_id
    from stuck_orders
    where order_id = any(array(select order_id from still))
      and next_attempt_at <= now()
    for update skip locked
)
update stuck_orders
set attempts = attempts + 1,
    next_attempt_at = now() + make_interval(
        secs => least($6, $5 * 2 ^ least(attempts, 30)))
where order_id = any(array(select order_id from taken))
returning order_id, extract(epoch from now() - created_at)::double precision;

-- name: excuse_stuck
-- Puts stuck orders off until they have an age, without counting it as a try.
update stuck_orders
set attempts = greatest(attempts - 1, 0),
    next_attempt_at = greatest(created_at + make_interval(secs => $2), now())
where order_id = any($1::uuid[]);

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
