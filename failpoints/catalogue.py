"""Every failpoint there is: where it stands and what a crash there leaves behind.

A test holds this list against the code: each name is looked up there in one place.
There is no failpoint between storing accepted orders and their COMMIT: a batch is one
statement that commits by itself, on the server, with nothing of ours in between.
"""

from types import MappingProxyType
from typing import Final, NamedTuple


class Failpoint(NamedTuple):
    """One step at which a process can be made to fail."""

    name: str
    where: str
    """The function that passes it, below ``orders``."""
    meaning: str
    """What has happened there and what has not."""


_INTAKE = "persistence.intake.PostgresIntakeStore"
_SETTLEMENT = "persistence.settlement.PostgresSettlementStore"
_CHANNEL = "http.channel.Channel.write_soon"
_PUBLISHER = "messaging.producer.KafkaPublisher"
_MEMBER = "messaging.group_member.GroupMember"
_SWEEPER = "actors.sweeper.Sweeper"
_NOTIFIER = "actors.notifier.Notifier"
_HANDLING = "about to deal with one message or tick; what it had in hand is kept."

_STEPS: Final = (
    Failpoint(
        "intake.before_store",
        f"{_INTAKE}._insert",
        "A batch of orders is claimed and nothing of it is sent to PostgreSQL.",
    ),
    Failpoint(
        "intake.after_commit",
        f"{_INTAKE}._insert",
        "The batch is committed and nobody is answered.",
    ),
    Failpoint(
        "http.before_answer",
        _CHANNEL,
        "An answer is made and none of its bytes are sent.",
    ),
    Failpoint(
        "http.after_answer",
        _CHANNEL,
        "An answer is with the kernel, as far as it took it.",
    ),
    Failpoint(
        "publish.before_send",
        f"{_PUBLISHER}.publish",
        "Events are about to be handed to the Kafka client.",
    ),
    Failpoint(
        "publish.after_send",
        f"{_PUBLISHER}.publish",
        "Events are with the Kafka client and hardly any is confirmed.",
    ),
    Failpoint(
        "publish.after_confirm",
        f"{_PUBLISHER}.take_results",
        "Kafka has confirmed events whose outbox rows are still there.",
    ),
    Failpoint(
        "outbox.before_delete",
        f"{_SETTLEMENT}.forget_published",
        "The outbox rows of confirmed events are about to be deleted.",
    ),
    Failpoint(
        "outbox.after_delete",
        f"{_SETTLEMENT}.forget_published",
        "The outbox rows of confirmed events are gone.",
    ),
    Failpoint(
        "consume.after_poll",
        "messaging.consumer.KafkaRecordSource._register",
        "Records have come and nobody knows of them yet.",
    ),
    Failpoint(
        "settle.before_store",
        f"{_SETTLEMENT}.settle",
        "Outcomes are decided and nothing of them is sent to PostgreSQL.",
    ),
    Failpoint(
        "settle.before_commit",
        f"{_SETTLEMENT}._settle_once",
        "Orders are moved, history, outbox and notices written; COMMIT is not sent.",
    ),
    Failpoint(
        "settle.after_commit",
        f"{_SETTLEMENT}.settle",
        "Outcomes are committed; no event is passed on, no batch acknowledged.",
    ),
    Failpoint(
        "offsets.before_commit",
        f"{_MEMBER}.commit",
        "Offsets of settled records are about to be committed.",
    ),
    Failpoint(
        "offsets.after_commit",
        f"{_MEMBER}._committed",
        "Kafka has confirmed an offset commit; inside a call of its client.",
    ),
    Failpoint(
        "sweep.before_tick",
        f"{_SWEEPER}._sweep",
        "The sweeper is about to sweep.",
    ),
    Failpoint(
        "sweep.after_tick",
        f"{_SWEEPER}._sweep",
        "The sweeper has handed on what it found.",
    ),
    Failpoint(
        "notify.before",
        f"{_NOTIFIER}.handle",
        "Settlements are committed and nobody who waits for them is told.",
    ),
    Failpoint(
        "notify.after",
        f"{_NOTIFIER}.handle",
        "Those who wait are told; the settlements are still in hand.",
    ),
)

ACTOR_PREFIX: Final = "actor."
_ACTORS: Final = (
    "OrderIntake",
    "IntakeWriter",
    "SettlementWriter",
    "OrderChanger",
    "OrderReader",
    "PageReader",
    "EventProducer",
    "OrderConsumer",
    "PaymentResolver",
    "Notifier",
    "Sweeper",
)

CATALOGUE: Final = MappingProxyType(
    {
        point.name: point
        for point in (
            *_STEPS,
            *(
                Failpoint(
                    f"{ACTOR_PREFIX}{actor}",
                    "actors.supervised.SupervisedActor._dispatch",
                    f"{actor} is {_HANDLING}",
                )
                for actor in _ACTORS
            ),
        )
    }
)
"""The failpoints by name, in the order in which an order passes them."""
