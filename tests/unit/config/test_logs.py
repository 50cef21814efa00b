import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import structlog

from orders.config.logs import Format, Level, configure_logs, get_logger

Lines = Callable[[], list[dict[str, object]]]
Start = Callable[[Format, Level], Lines]


@pytest.fixture
def start() -> Iterator[Start]:
    root = logging.getLogger()
    named = [logging.getLogger(n) for n in ("kafka", "pykka", "waitress", "psycopg")]
    named.append(logging.getLogger("waitress.queue"))
    handlers, levels = root.handlers[:], [(it, it.level) for it in [root, *named]]
    hooks = threading.excepthook, sys.excepthook
    pipes: list[int] = []

    def configure(format: Format, level: Level) -> Lines:  # noqa: A002 - as the setting
        reader, writer = os.pipe()
        pipes.extend((reader, writer))
        sink = configure_logs(format, level, "node-1", descriptor=writer)

        def lines() -> list[dict[str, object]]:
            assert sink.close(2)
            os.set_blocking(reader, False)
            with open(os.dup(reader), "rb") as stream:  # noqa: PTH123 - a descriptor
                text = stream.read() or b""
            return [json.loads(line) for line in text.splitlines()]

        return lines

    yield configure

    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    for logger, level in levels:
        logger.setLevel(level)
    threading.excepthook, sys.excepthook = hooks
    for pipe in pipes:
        os.close(pipe)


def test_a_line_has_the_fixed_fields_first_and_then_its_own(start: Start) -> None:
    lines = start("json", "info")

    get_logger("orders.notifier").info("order.settled", order_id="o-1", duration_ms=2.5)

    (line,) = lines()
    assert list(line)[:5] == ["timestamp", "level", "event", "node", "logger"]
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "level": "info",
        "event": "order.settled",
        "node": "node-1",
        "logger": "orders.notifier",
        "order_id": "o-1",
        "duration_ms": 2.5,
    }


def test_a_logger_made_before_configuration_works_after_it(start: Start) -> None:
    log = get_logger("early")
    lines = start("json", "info")

    log.info("node.starting")

    assert lines()[0]["event"] == "node.starting"


def test_lines_below_the_level_are_left_out(start: Start) -> None:
    lines = start("json", "info")

    get_logger("a").debug("order.read")

    assert lines() == []


def test_a_newline_in_a_field_cannot_forge_a_line(start: Start) -> None:
    lines = start("json", "info")

    get_logger("a").info("request.refused", reason='x\n{"event":"forged"}')

    assert [line["event"] for line in lines()] == ["request.refused"]


@pytest.mark.parametrize("value", [object(), "\ud800", {1: {2}}, float("nan"), 10**30])
def test_a_field_that_json_does_not_know_costs_no_line(
    start: Start, value: object
) -> None:
    lines = start("json", "info")

    get_logger("a").info("node.ready", value=value)

    assert lines()[0]["event"] == "node.ready"


def test_a_field_whose_repr_raises_costs_no_line(start: Start) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    lines = start("json", "info")

    get_logger("a").info("node.ready", value=Broken())

    assert lines()[0]["value"] == "<Broken>"


def test_an_exception_is_one_line_without_secrets(start: Start) -> None:
    lines = start("json", "info")

    def fail() -> None:
        raise RuntimeError("cannot reach postgresql://u:geheim@db/x")

    try:
        fail()
    except RuntimeError:
        get_logger("a").exception("node.failed")

    (line,) = lines()
    assert line["level"] == "error"
    assert "RuntimeError: cannot reach postgresql://u:***@db/x" in str(
        line["exception"]
    )


def test_a_librarys_warning_comes_in_the_same_form(start: Start) -> None:
    lines = start("json", "info")

    logging.getLogger("kafka.net").warning("lost %s, password=%s", "broker-1", "pw")

    (line,) = lines()
    assert (line["event"], line["logger"]) == ("library.message", "kafka.net")
    assert line["message"] == "lost broker-1, password=***"


def test_libraries_are_heard_from_warning_on(start: Start) -> None:
    lines = start("json", "info")

    logging.getLogger("kafka.consumer").info("joined")

    assert lines() == []


def test_kafka_never_logs_at_debug_since_that_holds_payloads(start: Start) -> None:
    lines = start("json", "debug")

    logging.getLogger("kafka.producer").debug("sending %s", b"payload")
    logging.getLogger("kafka.producer").info("connected")

    assert [line["message"] for line in lines()] == ["connected"]


def test_waitress_does_not_report_its_queue(start: Start) -> None:
    lines = start("json", "info")

    logging.getLogger("waitress.queue").warning("Task queue depth is 1")

    assert lines() == []


def test_repeats_of_a_library_are_limited_whatever_their_values(start: Start) -> None:
    lines = start("json", "info")

    for port in range(50):
        logging.getLogger("kafka.net").warning("cannot connect from %d", port)

    assert len(lines()) == 5


def test_a_thread_that_dies_is_logged(start: Start) -> None:
    lines = start("json", "info")

    thread = threading.Thread(target=lambda: 1 / 0, name="reader")
    thread.start()
    thread.join()

    (line,) = lines()
    assert (line["event"], line["thread"]) == ("thread.crashed", "reader")
    assert "ZeroDivisionError" in str(line["exception"])


def test_an_error_of_others_is_logged_without_its_secret(start: Start) -> None:
    lines = start("json", "info")

    get_logger("orders").warning("x.away", error="at postgresql://u:Geheim@h/d: no")

    assert lines()[0]["error"] == "at postgresql://u:***@h/d: no"
