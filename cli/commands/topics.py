"""``orders topics``."""

from typing import TYPE_CHECKING, Annotated

import typer

from orders.cli.failure import CommandError
from orders.cli.output import AsJson, print_json, print_table
from orders.cli.target import bootstrap_servers, read_settings

if TYPE_CHECKING:
    from orders.cli.topic_look import Topic


def topics(
    create: Annotated[
        bool, typer.Option("--create", help="Create the topic if it is missing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the topic's partitions, and where it differs from the settings.

    Example: orders topics --create
    """
    topic = _topic(create=create)
    if as_json:
        print_json(topic)
        return
    if topic.created:
        print(f"created {topic.name}")
    rows = [
        (topic.name, it.partition, it.leader, _ids(it.replicas), _ids(it.in_sync))
        for it in topic.partitions
    ]
    print_table(("TOPIC", "PARTITION", "LEADER", "REPLICAS", "IN SYNC"), rows)
    for problem in topic.problems:
        print(f"problem: {problem}")
    for note in topic.unchecked:
        print(f"not checked: {note}")


def _topic(*, create: bool) -> "Topic":
    settings = read_settings()
    brokers = bootstrap_servers(settings)
    from orders.cli.topic_look import TopicDesk  # noqa: PLC0415
    from orders.messaging.topics import TopicError  # noqa: PLC0415

    desk = TopicDesk(settings.kafka, brokers)
    try:
        topic = desk.ensure() if create else desk.look()
    except TopicError as error:
        raise CommandError(str(error)) from error
    if topic is None:
        raise CommandError(
            f"there is no topic {settings.kafka.topic}: a node makes it, "
            "or `orders topics --create`"
        )
    return topic


def _ids(brokers: list[int]) -> str:
    return ",".join(map(str, brokers))
