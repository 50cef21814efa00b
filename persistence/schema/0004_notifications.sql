-- What customers are told, one row for each change and channel.

create table notifications (
    order_id   uuid        not null,
    version    integer     not null,
    channel    text        not null,
    tenant_id  text        not null,
    user_id    bigint      not null,
    message    text        not null,
    created_at timestamptz not null,
    primary key (order_id, version, channel)
);

-- Serves a user's newest notifications, read backwards.
create index notifications_by_user
    on notifications (tenant_id, user_id, created_at, order_id, version);
