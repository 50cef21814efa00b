-- Which order a client's key stands for.

-- Collation C: rows are locked in key order, which must be the same order on
-- every node and after every upgrade of the operating system.
create table idempotency_keys (
    tenant_id   text collate "C" not null,
    route       text collate "C" not null,
    key         text collate "C" not null,
    order_id    uuid             not null,
    fingerprint bytea            not null,
    created_at  timestamptz      not null,
    primary key (tenant_id, route, key)
);

-- Serves the deletion of old keys.
create index idempotency_keys_by_age on idempotency_keys (created_at);
