"""The mutants: each breaks one thing that the promises rest on."""

from typing import Final

from orders.chaos.mutants.mutant import Mutant, Replacement

ANSWER_BEFORE_COMMIT: Final = Mutant(
    "answer-before-commit",
    "A client is told that its order is stored before it is.",
    (
        Replacement(
            "actors/intake_writer.py",
            """\
            self._store.store([s.order for s in submissions], tell)
""",
            """\
            from datetime import UTC, datetime
            early = Stored(datetime.now(UTC))
            self._replies.answer([(s.ticket, early) for s in submissions])
            self._store.store([s.order for s in submissions], tell)
""",
        ),
        Replacement(
            "actors/intake_writer.py",
            """\
        self._replies.answer([(s.ticket, outcome) for s, outcome in answers])
""",
            "",
        ),
    ),
    "tests/unit/actors/test_intake_writer.py"
    "::test_nobody_is_answered_before_the_store_returned",
    "assert [1] == [0]",
)

OFFSETS_AHEAD_OF_WORK: Final = Mutant(
    "offsets-ahead-of-work",
    "Offsets are committed once records are polled, settled or not.",
    (
        Replacement(
            "messaging/consumer.py",
            """\
        if not found.asks_for_work:
            self._marks.done(token)
""",
            """\
        self._marks.done(token)
        if not found.asks_for_work:
""",
        ),
    ),
    "tests/unit/messaging/test_consumer.py::test_what_is_not_done_is_not_committed",
    "assert [{0: 1}] == []",
)

NO_COMPARE_AND_SET: Final = Mutant(
    "no-compare-and-set",
    "An order is settled whatever happened to it since it was read.",
    (
        Replacement(
            "persistence/sql/settlement.sql",
            "  and status = $4 and payment_status = $5 and version = $6\n",
            # PostgreSQL wants a type for each parameter that it is given.
            "  and ($4::text, $5::text, $6::integer) is not null\n",
        ),
    ),
    "tests/integration/test_persistence_settlement.py"
    "::test_a_settlement_compares_state_and_version",
    "assert (Settlement(",
)

OUTBOX_DELETED_EARLY: Final = Mutant(
    "outbox-deleted-early",
    "An event's outbox row is deleted once Kafka's client has it, confirmed or not.",
    (
        Replacement(
            "actors/event_producer.py",
            """\
        taken = publisher.publish(events)
""",
            """\
        taken = publisher.publish(events)
        self._confirmed += [EventRef(e.order_id, e.version) for e in events[:taken]]
""",
        ),
    ),
    "tests/unit/actors/test_event_producer.py"
    "::test_nothing_is_forgotten_before_it_is_confirmed",
    "assert [ForgetPublis",
)

NO_SWEEPER: Final = Mutant(
    "no-sweeper",
    "Nobody looks for what a crashed node left behind.",
    (
        Replacement(
            "actors/sweeper.py",
            """\
        all_taken = [self._take(step) for step in self._steps()]
""",
            """\
        all_taken = [self._take(self._renew_node)]
""",
        ),
    ),
    "tests/acceptance/test_crashed_steps.py"
    "::test_an_event_that_its_node_did_not_live_to_publish_is_published_by_another",
    "not true within 30 s",
)

KEPT_PARTITION_FORGOTTEN: Final = Mutant(
    "kept-partition-forgotten",
    "A rebalance takes partitions and gives them back, which drops what is known of "
    "their records under way, while kafka-python goes on reading behind these: the "
    "next commit passes over them.",
    (
        Replacement(
            "messaging/client_settings.py",
            """\
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
""",
            """\
from kafka.coordinator.assignors.range import (
    RangePartitionAssignor as CooperativeStickyAssignor,
)
""",
        ),
    ),
    "tests/integration/test_messaging_source.py"
    "::test_a_partition_that_stays_is_not_committed_past_what_is_not_done",
    "Extra items in the left set",
)

NOTICE_OUTSIDE_TRANSACTION: Final = Mutant(
    "notice-outside-transaction",
    "A customer's notice is written after the COMMIT that settles the order.",
    (
        Replacement(
            "persistence/sql/settlement.sql",
            """\
), noticed as (
""",
            """\
)
select now();

-- name: record_notices
-- Writes the notices of orders that moved.
with moved as materialized (
    select *
    from json_to_recordset($1::json) as row (
        id uuid, version integer, tenant text, usr bigint, channel text, message text)
), noticed as (
""",
        ),
        Replacement(
            "persistence/settlement.py",
            """\
        self._record_settlements = statements["record_settlements"]
""",
            """\
        self._record_settlements = statements["record_settlements"]
        self._record_notices = statements["record_notices"]
""",
        ),
        Replacement(
            "persistence/settlement.py",
            """\
            return Settled(tuple(won), at, held=held)
""",
            """\
            rows = encode_json([_move_row(s) for s in won]).decode()
            self._session.write(self._record_notices, (rows,), _only)
            return Settled(tuple(won), at, held=held)
""",
        ),
    ),
    "tests/integration/test_persistence_settlement.py"
    "::test_status_and_notification_are_one_transaction",
    "<OrderStatus.PAID: 'PAID'> != <OrderStatus.PENDING: 'PENDING'>",
)

STALE_SNAPSHOT: Final = Mutant(
    "stale-snapshot",
    "Who loses a key is answered from what the inserting statement could see, in "
    "which the winner's rows do not exist yet.",
    (
        Replacement(
            "persistence/sql/intake.sql",
            """\
);

-- name: read_key_holders
""",
            """\
),
       array(select id::text from batch
             join idempotency_keys held
               on (held.tenant_id, held.route, held.key)
                = (batch.tenant, batch.route, batch.key));

-- name: read_key_holders
""",
        ),
        Replacement(
            "persistence/intake.py",
            '''\
    """Ids that were not stored by this statement."""
''',
            """\
    seen: Sequence[str] = ()
""",
        ),
        Replacement(
            "persistence/intake.py",
            """\
        [(at, absent)] = \
""",
            """\
        [(at, absent, seen)] = \
""",
        ),
        Replacement(
            "persistence/intake.py",
            """\
            note(self._held.answer(earlier))
""",
            """\
            visible = [o for o in earlier if o.key is None or o.order_id in seen]
            note({o.order_id: KeyBusy() for o in earlier if o not in visible})
            note(self._held.answer(visible))
""",
        ),
    ),
    "tests/integration/test_persistence_intake.py"
    "::test_a_loser_that_waited_for_the_winner_gets_the_winners_order",
    "isinstance(KeyBusy(), Replayed)",
)

HELD_ORDER_WAITED_FOR: Final = Mutant(
    "held-order-waited-for",
    "A batch waits for an order that somebody else's transaction holds.",
    (
        Replacement(
            "persistence/sql/settlement.sql",
            "for no key update skip locked;\n",
            "for no key update;\n",
        ),
    ),
    "tests/integration/test_persistence_settlement.py"
    "::test_an_order_that_others_hold_is_left_out",
    "free_orders: 55P03",
)

NOTHING_PAST_THE_BOUND: Final = Mutant(
    "nothing-past-the-bound",
    "A backlog excuses the age of its orders for as long as it lasts.",
    (
        Replacement(
            "actors/healing.py",
            """\
        return young and self._lag.excuses(order_id, self._owner.clock())
""",
            """\
        return self._lag.excuses(order_id, self._owner.clock())
""",
        ),
    ),
    "tests/unit/actors/test_sweeper.py::test_nothing_excuses_an_order_past_the_bound",
    "assert [] == [ResolvePayme",
)

LAG_THAT_STANDS_STILL: Final = Mutant(
    "lag-that-stands-still",
    "A lag excuses the age of orders though nobody works it off.",
    (
        Replacement(
            "actors/lag_watch.py",
            """\
        return moved_lately and partition.behind > self._tolerated
""",
            """\
        return partition.behind > self._tolerated
""",
        ),
    ),
    "tests/unit/actors/test_sweeper.py::test_lag_that_stands_still_excuses_nothing",
    "assert [] == [ResolvePayme",
)

READERS_BLIND_THE_SEARCH: Final = Mutant(
    "readers-blind-the-search",
    "The search for stuck orders waits for every transaction that is open.",
    (
        Replacement(
            "persistence/sql/sweeping.sql",
            "where l.locktype = 'relation' and l.mode = 'RowExclusiveLock'\n",
            "where l.locktype = 'relation'\n",
        ),
    ),
    "tests/integration/test_persistence_sweeping.py"
    "::test_an_open_transaction_of_a_reader_holds_nothing_up",
    "assert 0 == 1",
)

MUTANTS: Final = (
    ANSWER_BEFORE_COMMIT,
    OFFSETS_AHEAD_OF_WORK,
    NO_COMPARE_AND_SET,
    OUTBOX_DELETED_EARLY,
    NO_SWEEPER,
    KEPT_PARTITION_FORGOTTEN,
    NOTICE_OUTSIDE_TRANSACTION,
    STALE_SNAPSHOT,
    HELD_ORDER_WAITED_FOR,
    NOTHING_PAST_THE_BOUND,
    LAG_THAT_STANDS_STILL,
    READERS_BLIND_THE_SEARCH,
)
