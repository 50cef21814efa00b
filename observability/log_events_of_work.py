"""What a node logs about its work: orders, PostgreSQL and Kafka."""

from typing import Final

from orders.observability.log_event import LogEvent

_NOTHING = "Nothing."
_UNREADABLE = "See *Dead letters* in operations.md."
_KAFKA_AWAY = "See *Kafka is away* in operations.md."
_DATABASE_AWAY = "See *PostgreSQL is away* in operations.md."
_ORDER_HELD = "See *Somebody holds an order* in operations.md."
_REPORT_BUG = "Report it with the exception: it is a bug."

WORK_EVENTS: Final = (
    LogEvent(
        "order.settled",
        "info",
        "order_id status reason version duration_ms",
        "An order reached a final state; duration_ms runs from its acceptance.",
        _NOTHING,
    ),
    LogEvent(
        "order.changed",
        "info",
        "order_id change version",
        "A client changed an order, which is now open: its payment is tried again.",
        _NOTHING,
    ),
    LogEvent(
        "order.unreadable",
        "error",
        "order_id error",
        "What is stored of an order is not what this release writes. Questions about "
        "it get a 500, a list shows it without what cannot be read; others go on.",
        "Where another release wrote it, finish the upgrade; else mend its row.",
    ),
    LogEvent(
        "order.refunded",
        "info",
        "order_id refund_id payment_status version",
        "Money of a paid order went back: all that was left (REFUNDED) or a part.",
        _NOTHING,
    ),
    LogEvent(
        "change.delayed",
        "warning",
        "error",
        "A change that a client asked for could not be written; it was answered 503 "
        "or is tried again until its client stops waiting.",
        _DATABASE_AWAY,
    ),
    LogEvent(
        "intake.contended",
        "warning",
        "actor error",
        "Someone else holds a table that orders are stored in, such as by a lock or "
        "an index that is being built; these orders were answered 503.",
        "End what holds the table: see pg_locks. Build indexes CONCURRENTLY.",
    ),
    LogEvent(
        "change.failed",
        "error",
        "exception",
        "A change could not be made and got a 500; others are not concerned.",
        _REPORT_BUG,
    ),
    LogEvent(
        "settlement.delayed",
        "warning",
        "error",
        "A batch could not be read or written and will be tried again.",
        _DATABASE_AWAY,
    ),
    LogEvent(
        "settlement.undecidable",
        "error",
        "order_id exception",
        "The payment rule failed on an order, for example on a currency that it does "
        "not know. The order stays unsettled and is tried again, more and more rarely.",
        "Mend the rule or the order; the others are not held up.",
    ),
    LogEvent(
        "settlement.held",
        "warning",
        "count order_ids",
        "Other transactions hold these orders (the first 20); all others go on. They "
        "are looked at again every 15 s or so, until they are free.",
        _ORDER_HELD,
    ),
    LogEvent(
        "settlement.refused",
        "error",
        "count order_ids",
        "PostgreSQL refuses to store the outcomes of these orders (the first 20). They "
        "stay unsettled and are tried again, more and more rarely.",
        _REPORT_BUG,
    ),
    LogEvent(
        "settlement.unknown_orders",
        "warning",
        "count",
        "Records name orders that the database does not have.",
        "Expected after a restore to an earlier point; else find out who writes "
        "to the topic.",
    ),
    LogEvent(
        "notifier.overloaded",
        "warning",
        "count",
        "Orders were settled, but clients that wait hear of it late and the lines "
        "order.settled are missing.",
        "Look at orders_mailbox_depth; add nodes if it lasts.",
    ),
    LogEvent(
        "sweeper.published",
        "info",
        "count",
        "Events of this node that were left in the outbox were handed to Kafka again.",
        _NOTHING,
    ),
    LogEvent(
        "sweeper.published_for_others",
        "info",
        "count",
        "The same for events of a node that is gone.",
        _NOTHING,
    ),
    LogEvent(
        "sweeper.stuck_orders",
        "warning",
        "count",
        "Orders without progress were handed straight to the payment resolver.",
        "See *The oldest unsettled order grows older* in operations.md.",
    ),
    LogEvent(
        "sweeper.delayed", "warning", "error", "A round was given up.", _DATABASE_AWAY
    ),
    LogEvent(
        "sweeper.leases_left",
        "debug",
        "error",
        "This node's leases could not be given back; they lapse by themselves.",
        _NOTHING,
    ),
    LogEvent(
        "reader.refused",
        "warning",
        "error",
        "Questions were answered 503 since the database did not answer.",
        _DATABASE_AWAY,
    ),
    LogEvent(
        "reader.failed",
        "error",
        "exception",
        "A question could not be answered and got a 500; others are not concerned.",
        _REPORT_BUG,
    ),
    LogEvent(
        "database.unavailable",
        "warning",
        "actor error",
        "An intake writer cannot store orders; when none can, clients get 503. Each"
        " says it once until PostgreSQL is back.",
        _DATABASE_AWAY,
    ),
    LogEvent(
        "database.available",
        "info",
        "actor",
        "An intake writer can store orders (again).",
        _NOTHING,
    ),
    LogEvent(
        "database.migrated",
        "info",
        "migration",
        "One step of the schema was applied.",
        _NOTHING,
    ),
    LogEvent(
        "kafka.unavailable",
        "warning",
        "fault error",
        "Kafka cannot be used, for the reason named: authentication, certificate, "
        "protocol, authorization, unknown_name, refused, closed, timeout or other. "
        "Said once until Kafka is back, and again when the reason changes, at most "
        "once a minute.",
        _KAFKA_AWAY,
    ),
    LogEvent("kafka.available", "info", "", "Kafka answers (again).", _NOTHING),
    LogEvent(
        "topic.created", "info", "topic partitions", "The topic was made.", _NOTHING
    ),
    LogEvent(
        "topic.refused",
        "error",
        "error",
        "There is no topic that this node may see, and it cannot be made as the "
        "settings ask; nothing is published. Said once.",
        "Do what the error says; the node tries again by itself.",
    ),
    LogEvent(
        "topic.differs_from_plan",
        "warning",
        "topic problem",
        "The topic is there, but not as the settings say. Said once.",
        "Change the settings or the topic as the problem says; the node goes on.",
    ),
    LogEvent(
        "topic.not_checked",
        "warning",
        "topic reason",
        "The topic is there, but this user may not see whether it is as planned.",
        "Grant DESCRIBE_CONFIGS on the topic, or look with Kafka's own tools.",
    ),
    LogEvent(
        "consumer.broker_away",
        "warning",
        "error",
        "A consumer cannot be made; tried again with growing pauses.",
        _KAFKA_AWAY,
    ),
    LogEvent("consumer.broker_back", "info", "", "It was made.", _NOTHING),
    LogEvent(
        "consumer.client_replaced",
        "warning",
        "reason error",
        "A consumer was stuck and is made anew; records may come twice.",
        "Nothing, unless it repeats: then look at the brokers.",
    ),
    LogEvent(
        "consumer.batch_offered_again",
        "warning",
        "",
        "A batch was not settled in time and is offered once more.",
        _DATABASE_AWAY,
    ),
    LogEvent(
        "consumer.commit_failed",
        "warning",
        "error",
        "Offsets were not committed; the next commit covers them.",
        _NOTHING,
    ),
    LogEvent(
        "consumer.record_unreadable",
        "error",
        "partition offset error",
        "A record is damaged and was stepped over; its order is settled by the "
        "sweeper.",
        "Check the broker's disk.",
    ),
    LogEvent(
        "consumer.partition_out",
        "error",
        "partition offset error",
        "Records of a partition are compressed with a codec that this node lacks. "
        "They stay where they are, the other partitions go on, and reading is tried "
        "again every 30 s. Said once.",
        "Install this release with its locked requirements, which bring all codecs, "
        "and set the topic's compression.type to producer.",
    ),
    LogEvent(
        "consumer.partition_back",
        "info",
        "partition",
        "Its records can be read again.",
        _NOTHING,
    ),
    LogEvent(
        "consumer.dead_letters",
        "warning",
        "count reason partition offset",
        "Records cannot be understood and are kept in dead_letters.",
        _UNREADABLE,
    ),
    LogEvent(
        "consumer.lag_unknown",
        "debug",
        "error",
        "The group's lag could not be read.",
        _NOTHING,
    ),
    LogEvent(
        "consumer.silence_unexplained",
        "debug",
        "error",
        "Whether a silent consumer is stuck could not be found out.",
        _NOTHING,
    ),
    LogEvent(
        "consumer.close_failed",
        "warning",
        "error",
        "A consumer did not leave its group cleanly; the session timeout ends it.",
        _NOTHING,
    ),
    LogEvent(
        "producer.events_failed",
        "warning",
        "count",
        "Events were not confirmed and will be published again.",
        _KAFKA_AWAY,
    ),
    LogEvent(
        "publisher.broker_away",
        "warning",
        "error",
        "Events cannot be handed to Kafka; they wait in the outbox.",
        _KAFKA_AWAY,
    ),
    LogEvent("publisher.broker_back", "info", "", "They can again.", _NOTHING),
    LogEvent(
        "publisher.client_replaced",
        "warning",
        "events oldest_age_seconds error",
        "The producer gave no answer for too long, or failed for good, and is made "
        "anew; its events are published again.",
        _KAFKA_AWAY,
    ),
    LogEvent(
        "publisher.event_refused",
        "error",
        "order_id count error",
        "Kafka refuses single events, of which order_id is the first; they stay in the "
        "outbox and are offered again every half minute.",
        "Read the error: the topic's settings or ACLs, or with InvalidTimestampError "
        "the clocks of PostgreSQL and of the brokers, do not fit.",
    ),
    LogEvent(
        "publisher.partition_refused",
        "error",
        "partition error",
        "Kafka refuses to write to a partition. It is tried again after a delay that "
        "grows to 30 s; events of the others go on.",
        "As for publisher.event_refused.",
    ),
    LogEvent(
        "publisher.partitions_unwritable",
        "warning",
        "partitions",
        "Kafka does not write to these partitions; their events stay in the outbox, "
        "those of the others go on.",
        "See that each has a leader, and min.insync.replicas replicas in sync.",
    ),
    LogEvent("publisher.partitions_writable", "info", "", "It does again.", _NOTHING),
    LogEvent(
        "publisher.thread_left",
        "warning",
        "seconds",
        "A given-up producer's thread did not end in time.",
        "Nothing, unless it repeats: then restart the node.",
    ),
    LogEvent(
        "publisher.close_failed",
        "debug",
        "error",
        "A producer did not close cleanly; it was ended by force.",
        _NOTHING,
    ),
)
