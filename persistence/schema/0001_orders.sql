-- Orders and their history.
--
-- The order id (a UUIDv7) leads every key of an order, so that partitioning by
-- range of ids stays possible; no foreign keys on the hot path.

create table orders (
    order_id       uuid        not null,
    tenant_id      text        not null,
    user_id        bigint      not null,
    currency       text        not null,
    total          bigint      not null check (total >= 0),  -- minor units
    items          json        not null,  -- immutable lines, amounts in minor units
    reference      text,
    metadata       json,                  -- the client's text, kept as it came
    status         text        not null constraint orders_status_known check (
        status in ('PENDING', 'PROCESSING', 'UNRESOLVED', 'PAID', 'FAILED',
                   'CANCELLED', 'EXPIRED', 'REFUNDED')),
    payment_status text        not null constraint orders_payment_status_known check (
        payment_status in ('NONE', 'PENDING', 'UNKNOWN', 'SUCCESS', 'FAILED',
                           'REFUNDING', 'PARTIALLY_REFUNDED', 'REFUNDED')),
    version        integer     not null check (version >= 1),
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    primary key (order_id)
)
-- Every order is updated soon after it came, often with its whole page in one
-- transaction. Half a page of room, and no index that names a changing column, keep
-- these updates heap-only (HOT); at 70 % every second one was not.
with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05,
      autovacuum_analyze_scale_factor = 0.05);

-- Serves the sweeper's scan; both columns never change.
create index orders_by_age on orders (created_at, order_id);

create table order_events (
    order_id    uuid        not null,
    version     integer     not null,
    type        text        not null,
    data        text        not null,  -- published byte for byte
    occurred_at timestamptz not null,
    actor       text        not null,
    reason      text,
    traceparent text,
    primary key (order_id, version)
);

create function refuse_change_of_history() returns trigger
language plpgsql as $$
begin
    raise exception 'order_events is append-only: % is refused', tg_op
        using errcode = 'integrity_constraint_violation';
end
$$;

create trigger order_events_append_only
    before update or delete or truncate on order_events
    for each statement execute function refuse_change_of_history();

-- Later: payment_attempts (order_id, attempt, gateway, key, state),
-- refunds (refund_id, order_id, amount, state, key),
-- gateway_events unique on (gateway, external_id).
