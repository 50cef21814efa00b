-- Who may use the API. Of a key its id and the SHA-256 of its secret are kept.

create table api_keys (
    key_id          text        not null primary key check (key_id ~ '^[0-9a-f]{16}$'),
    digest          bytea       not null check (octet_length(digest) = 32),
    tenant_id       text        not null check (tenant_id <> ''),
    scopes          text[]      not null check (cardinality(scopes) > 0),
    name            text        not null,
    rate_per_second double precision check (rate_per_second > 0),  -- null: the node's
    burst           integer     check (burst > 0),
    created_at      timestamptz not null,
    expires_at      timestamptz,
    revoked_at      timestamptz
);

-- Serves the nodes, which read every key that is not revoked.
create index api_keys_not_revoked on api_keys (key_id) where revoked_at is null;
