-- name: limit_waiting
-- Waiting for another node's migration is bounded.
set lock_timeout = '60s';

-- name: lock_migrations
-- One migration at a time, whatever the number of nodes; freed with the connection.
select pg_advisory_lock(7210834551907);

-- name: limit_blocking
-- A migration that waits for a table makes everyone behind it wait too.
set local lock_timeout = '5s';

-- name: create_register
-- Keeps which migrations were applied, and their texts' digests.
create table if not exists schema_migrations (
    name       text        not null primary key,
    checksum   text        not null,
    applied_at timestamptz not null default now()
);

-- name: look_at_register
-- Tells whether the register is there, and whether this role may act as its owner.
select register is not null,
       exists (select from pg_class
               where oid = register and pg_has_role(relowner, 'usage'))
from to_regclass('schema_migrations') as register;

-- name: has_register
-- Tells whether any migration was ever run here.
select to_regclass('schema_migrations') is not null;

-- name: read_register
-- The migrations that were applied, by name.
select name, checksum from schema_migrations order by name;

-- name: note_applied
-- Keeps one migration as applied.
insert into schema_migrations (name, checksum) values ($1, $2);
