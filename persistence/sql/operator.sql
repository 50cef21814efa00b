-- name: newest_orders
-- Orders before an id, newest first, among a bounded number of them. An id is a
-- UUIDv7, so the primary key is an index by age.
select order_id, tenant_id, user_id, currency, total, items, reference, metadata,
       status, payment_status, version, created_at, updated_at
from (select *
      from orders
      where order_id < $1::uuid
      order by order_id desc
      limit $2) examined
where coalesce(status = any($3::text[]), true)
order by order_id desc
limit $4;

-- name: last_examined
-- The id at which a look at a bounded number of orders ended; none where there
-- were fewer.
select order_id
from orders
where order_id < $1::uuid
order by order_id desc
offset $2 - 1
limit 1;

-- name: unsettled_state
-- How many orders are not settled, how many of them are stuck, the age of the
-- oldest, and whether a limit cut the count short. Behind the sweeper's mark only
-- stuck orders are unsettled.
with recent as materialized (
    select o.created_at, o.status = any($1::text[]) as unsettled
    from sweep_marks m
    cross join lateral (
        select created_at, status
        from orders
        where (created_at, order_id) > (m.created_at, m.order_id)
        order by created_at, order_id
        limit $2) o
    where m.name = 'unsettled'
), stuck as materialized (
    select s.created_at, still.is_open
    from (select order_id, created_at
          from stuck_orders
          order by created_at
          limit $3) s
    left join lateral (
        select true as is_open
        from orders o
        where o.order_id = s.order_id and o.status = any($1::text[])
        limit 1) still on true
), open as materialized (
    select created_at from recent where unsettled
    union all
    select created_at from stuck where is_open
)
select (select count(*) from open),
       (select count(*) from stuck where is_open),
       coalesce(extract(epoch from now() - (select min(created_at) from open)),
                0)::double precision,
       (select count(*) from recent) = $2 or (select count(*) from stuck) = $3;

-- name: living_nodes
-- Nodes whose lease lasts, with the seconds it still does and the leases they hold.
select node_id, name, registered_at,
       extract(epoch from lease_until - now())::double precision,
       array(select l.name
             from leases l
             where l.node_id = n.node_id and l.lease_until > now()
             order by l.name)
from nodes n
where lease_until > now()
order by node_id
limit $1;

-- name: newest_dead_letters
-- Dead letters before an id, newest first, without their contents.
select dead_letter_id, topic, partition, record_offset, reason, buried_at
from dead_letters
where dead_letter_id < $1
order by dead_letter_id desc
limit $2;

-- name: dead_letter
-- One dead letter, whole.
select dead_letter_id, topic, partition, record_offset, reason, buried_at,
       key, headers, value
from dead_letters
where dead_letter_id = $1;

-- name: server_version
-- The version of the server in words.
select current_setting('server_version');
