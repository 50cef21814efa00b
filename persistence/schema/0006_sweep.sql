-- How far the scan for stuck orders came, and what it found.

create table sweep_marks (
    name       text        not null primary key,
    created_at timestamptz not null,
    order_id   uuid        not null
);

insert into sweep_marks (name, created_at, order_id)
values ('unsettled', '-infinity', '00000000-0000-0000-0000-000000000000');

create table stuck_orders (
    order_id        uuid        not null primary key,
    created_at      timestamptz not null,  -- of the order
    noted_at        timestamptz not null,
    attempts        integer     not null,
    next_attempt_at timestamptz not null
)
with (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

create index stuck_orders_due on stuck_orders (next_attempt_at);
create index stuck_orders_by_age on stuck_orders (created_at);
