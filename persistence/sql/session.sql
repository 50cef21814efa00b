-- name: apply_settings
-- Sets those of the named settings that this server has, for the rest of the session.
-- Returns the server's process, and name and value of each as it is now. pg_settings
-- does not list the role, nor names with a dot that nothing has defined.
select pg_backend_pid(),
       array(select array[lower(known.name), set_config(known.name, wanted.value, false)]
             from unnest($1::text[], $2::text[]) as wanted (name, value)
             join (select name from pg_settings union select 'role'
                   union select name from unnest($1::text[]) as given (name)
                   where name like '%.%') as known
                 on lower(known.name) = wanted.name);

-- name: read_settings
-- Returns the server's process, and the same settings with two that are not ours to
-- set, as the next statement finds them.
select pg_backend_pid(),
       array(select array[lower(known.name), current_setting(known.name)]
             from (select name from pg_settings union select 'role'
                   union select name from unnest($1::text[]) as given (name)
                   where name like '%.%') as known
             where lower(known.name) = any($1::text[])
                or known.name in ('server_encoding', 'session_replication_role'))
from (select $2::text[]) as unused;

-- name: backend_pid
-- The server's process behind this session.
select pg_backend_pid();

-- name: waits_for_standby
-- Tells whether a server's process waits for the synchronous standby in a commit.
select exists (select from pg_stat_activity where pid = $1 and wait_event = 'SyncRep');

-- name: confirm
-- Commits a mark in the log: once it returns, all that was committed before is as safe
-- as a commit of this session is, on the synchronous standby where there is one.
select pg_logical_emit_message(true, 'orders', '') is not null;

-- name: connection_limits
-- How many connections the server, this database and this role have room for.
select (select setting::integer from pg_settings where name = 'max_connections')
       - coalesce((select sum(setting::integer) from pg_settings
                   where name in ('superuser_reserved_connections',
                                  'reserved_connections')), 0)::integer,
       (select datconnlimit from pg_database where datname = current_database()),
       (select rolconnlimit from pg_roles where rolname = current_user);
