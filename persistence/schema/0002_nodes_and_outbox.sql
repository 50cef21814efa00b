-- Nodes and the events that Kafka has not confirmed yet.

create table nodes (
    node_id       integer     generated always as identity primary key,
    name          text        not null,
    registered_at timestamptz not null,
    lease_until   timestamptz not null
);

create table leases (
    name        text        not null primary key,
    node_id     integer     not null,
    lease_until timestamptz not null
);

-- Narrow: a row lives for the few milliseconds until its event is confirmed.
create table outbox (
    order_id   uuid        not null,
    version    integer     not null,
    node_id    integer     not null,  -- who publishes it, while its lease lasts
    created_at timestamptz not null,
    primary key (order_id, version)
)
-- Vacuum by count, not by share of the table, and without pauses.
with (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0,
      autovacuum_vacuum_insert_threshold = 10000,
      autovacuum_vacuum_insert_scale_factor = 0,
      autovacuum_analyze_threshold = 10000, autovacuum_analyze_scale_factor = 0,
      autovacuum_vacuum_cost_delay = 0);
