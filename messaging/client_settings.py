"""Settings of the three Kafka clients, each with its reason.

``security`` passes through whatever kafka-python knows for TLS and SASL, such as
``security_protocol``, ``ssl_cafile``, ``sasl_mechanism``; empty means plaintext.
"""

from collections.abc import Mapping

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

API_VERSION = (4, 3)
"""Given so that clients construct without a broker; the newest this library knows. An
older broker, 3.9 for example, is spoken to as it understands."""
MAX_BLOCK_MS = 2_000
"""How long a producer waits for metadata."""
REQUEST_TIMEOUT_MS = 5_000
FOLLOWERS_TIMEOUT_MS = 1_000
"""How long a leader waits for its followers before it answers a producer."""
BOOTSTRAP_TIMEOUT_MS = 2_000
BATCH_BYTES = 131_072
"""The largest batch of records, of which a topic must take at least one."""
FOREVER_MS = 2**31 - 1


def producer_settings(
    bootstrap_servers: str,
    client_id: str,
    security: Mapping[str, object],
    *,
    linger_ms: int = 5,
) -> dict[str, object]:
    """Return the settings of the producer."""
    return {
        "bootstrap_servers": bootstrap_servers,
        "client_id": client_id,
        "api_version": API_VERSION,
        "acks": "all",
        # Explicit: only then do conflicting settings raise instead of turning it off.
        "enable_idempotence": True,
        # A batch that reaches its delivery timeout kills the idempotent producer for
        # good, so it never does; the publisher's own watchdog takes its place.
        "delivery_timeout_ms": FOREVER_MS,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "max_block_ms": MAX_BLOCK_MS,
        # Events come in gathered batches already; this only joins their partitions.
        "linger_ms": linger_ms,
        # One batch a partition is under way, so a late answer must not split the next.
        "batch_size": BATCH_BYTES,
        # The default backs off up to 30 s: 18 s late after a minute's outage.
        "reconnect_backoff_ms": 50,
        "reconnect_backoff_max_ms": 1_000,
        "metrics_enabled": False,
        **security,
    }


def consumer_settings(
    bootstrap_servers: str,
    client_id: str,
    group: str,
    security: Mapping[str, object],
    *,
    max_poll_records: int,
    session_timeout_ms: int,
) -> dict[str, object]:
    """Return the settings of one member of the consumer group."""
    return {
        "bootstrap_servers": bootstrap_servers,
        "client_id": client_id,
        "group_id": group,
        "api_version": API_VERSION,
        # Offsets follow PostgreSQL, never the last poll.
        "enable_auto_commit": False,
        # "latest" would skip what was written before the first commit.
        "auto_offset_reset": "earliest",
        # A partition that stays keeps its position; only those that move stop.
        "partition_assignment_strategy": [CooperativeStickyAssignor],
        "session_timeout_ms": session_timeout_ms,
        # A rebalance is noticed by the next heartbeat: stable after 1.6 s, not 3.6 s.
        "heartbeat_interval_ms": min(1_000, session_timeout_ms // 3),
        "max_poll_interval_ms": 30_000,
        "max_poll_records": max_poll_records,
        "request_timeout_ms": 10_000,
        "reconnect_backoff_ms": 50,
        "reconnect_backoff_max_ms": 1_000,
        # Costs under 1 us a record with the crc32c extra, and tells disk rot from
        # a foreign record.
        "check_crcs": True,
        "metrics_enabled": False,
        **security,
    }


def admin_settings(
    bootstrap_servers: str, client_id: str, security: Mapping[str, object]
) -> dict[str, object]:
    """Return the settings of the admin client, which connects when it is made."""
    return {
        "bootstrap_servers": bootstrap_servers,
        "client_id": client_id,
        "api_version": API_VERSION,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "reconnect_backoff_max_ms": 1_000,
        **security,
    }
