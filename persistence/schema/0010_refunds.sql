-- Money of paid orders that went back.

-- Rows are only ever added; each belongs to the move of its order that has the same
-- version, so that two refunds never start from the same state of their order.
create table refunds (
    order_id     uuid        not null,
    refund_id    uuid        not null,  -- a UUIDv7
    tenant_id    text        not null,
    version      integer     not null check (version >= 1),  -- the order's, by it
    currency     text        not null,  -- the order's
    amount_minor bigint      not null check (amount_minor > 0),
    state        text        not null constraint refunds_state_known check (
        state in ('SUCCEEDED')),  -- a gateway that answers later adds others
    key          text,                  -- the client's Idempotency-Key
    actor        text        not null,
    reason       text,
    created_at   timestamptz not null,
    primary key (order_id, refund_id),
    constraint refunds_version_once unique (order_id, version)
);

create or replace function refuse_change_of_history() returns trigger
language plpgsql as $$
begin
    raise exception '% is append-only: % is refused', tg_table_name, tg_op
        using errcode = 'integrity_constraint_violation';
end
$$;

create trigger refunds_append_only
    before update or delete or truncate on refunds
    for each statement execute function refuse_change_of_history();
