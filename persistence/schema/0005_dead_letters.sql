-- Records that cannot be processed, kept whole for a person to look at.

-- The fingerprint is part of the key: a topic that was made anew counts its
-- offsets from zero again, and its letters are not repeats of the old ones.
create table dead_letters (
    dead_letter_id bigint      generated always as identity primary key,
    topic          text        not null,
    partition      integer     not null,
    record_offset  bigint      not null,
    fingerprint    bytea       not null,  -- SHA-256 of key, headers and value
    key            bytea,
    headers        json        not null,  -- [[name, base64 or null], ...]
    value          bytea,
    reason         text        not null,
    buried_at      timestamptz not null,
    unique (topic, partition, record_offset, fingerprint)
);
