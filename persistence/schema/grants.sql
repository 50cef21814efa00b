-- Run after every migration: what the roles may do, where they exist.
--
-- The owner runs the migrations. orders_app is what a node signs in as (or a
-- member of it): no DDL, and it cannot change the history. orders_readonly is for
-- people and reports. A single role that owns everything works too; then the
-- trigger alone guards the history.

do $$
begin
    if exists (select from pg_roles where rolname = 'orders_app') then
        grant usage on schema public to orders_app;
        grant select, insert, update, delete on all tables in schema public
            to orders_app;
        revoke update, delete, truncate on order_events from orders_app;
        revoke update, delete, truncate on refunds from orders_app;
        revoke insert, update, delete, truncate on schema_migrations from orders_app;
        -- A node reads keys; who makes or revokes them signs in as the owner.
        revoke insert, update, delete, truncate on api_keys from orders_app;
    end if;
    if exists (select from pg_roles where rolname = 'orders_readonly') then
        grant usage on schema public to orders_readonly;
        grant select on all tables in schema public to orders_readonly;
        revoke select on api_keys from orders_readonly;
    end if;
end
$$;
