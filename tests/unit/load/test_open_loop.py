"""The open loop against an API that is made up: no sockets."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from orders.load import open_loop
from orders.load.http_client import Answer, BrokenError, NotSentError
from orders.load.mix import Kind, Mix
from orders.load.open_loop import LoadPlan, LoadResult, OpenLoop
from orders.verification.journal import JournalWriter, Operation, read_journal


class Asked(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Api:
    """Answers each request as it is told to; by default it accepts everything."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = accepted
        self.takes_seconds = 0.0
        self.refusal = ""

    async def request(self, *request: object) -> Answer:
        asked = Asked(*request)  # type: ignore[arg-type]
        self.asked.append(asked)
        await asyncio.sleep(self.takes_seconds)
        return self.answer(asked)

    def close(self) -> None:
        """Nothing is open."""


def accepted(asked: Asked) -> Answer:
    if asked.method == "GET":
        return Answer(200, {}, {"version": 2, "status": "PAID"})
    body: dict[str, object] = {"order_id": "x", "version": 1, "status": "PENDING"}
    return Answer(202, {"location": "/v1/orders/x"}, body)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(open_loop, "Connection", lambda *_: made)
    return made


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[LoadResult, list[Operation]]]:
    """Runs a load of ten requests; returns its result and its journal."""

    def run(mix: str = "order=1", **changes: object) -> object:
        wanted = {"rate": 1000.0, "seconds": 0.01, "connections": 4} | changes
        plan = LoadPlan(
            run="run", host="h", port=1, tls=None, mix=Mix.parse(mix), **wanted
        )
        with JournalWriter(tmp_path / "journal.jsonl") as journal:
            result = asyncio.run(OpenLoop(plan, journal).run())
        return result, list(read_journal(tmp_path / "journal.jsonl"))

    return run


def test_every_request_is_sent_and_counted(api: Api, run) -> None:
    result, journal = run()

    assert (result.sent, result.accepted, len(api.asked)) == (10, 10, 10)
    assert len(journal) == 10


def test_each_order_has_a_key_of_its_own(api: Api, run) -> None:
    _, journal = run()

    keys = {asked.headers["Idempotency-Key"] for asked in api.asked}
    assert len(keys) == 10
    assert {operation.key for operation in journal} == keys


def test_without_keys_the_journal_has_none_either(api: Api, run) -> None:
    _, journal = run(keyed=False)

    assert all("Idempotency-Key" not in asked.headers for asked in api.asked)
    assert {operation.key for operation in journal} == {None}


def test_two_runs_never_send_the_same_order(api: Api, run) -> None:
    run("older=1")
    run("older=1")

    assert len({json.loads(asked.body)["user_id"] for asked in api.asked}) == 20


def test_reads_ask_for_orders_that_were_accepted(api: Api, run) -> None:
    result, _ = run("order=1,read=9", connections=1)

    reads = [asked.path for asked in api.asked if asked.method == "GET"]
    assert result.read == len(reads) > 0
    assert set(reads) == {"/v1/orders/x"}


def test_a_wait_is_asked_for(api: Api, run) -> None:
    run("wait=1")

    assert {asked.headers["Prefer"] for asked in api.asked} == {"wait=5"}


def test_the_api_key_is_a_bearer_token(api: Api, run) -> None:
    run(api_key="ok_1")

    assert {asked.headers["Authorization"] for asked in api.asked} == {"Bearer ok_1"}


def test_time_counts_from_when_a_request_was_due(api: Api, run) -> None:
    api.takes_seconds = 0.005

    result, _ = run(connections=1)

    # The last of ten, due after 9 ms, is the tenth to take 5 ms.
    assert result.times[Kind.ORDER].longest_seconds > 0.03


def test_a_broken_connection_leaves_the_outcome_open(api: Api, run) -> None:
    def break_off(_: Asked) -> Answer:
        raise BrokenError("gone")

    api.answer = break_off

    result, journal = run()

    assert (result.unknown, result.undocumented) == (10, 0)
    assert {operation.outcome for operation in journal} == {"unknown"}


def test_where_nobody_listens_nothing_is_written_down(api: Api, run) -> None:
    def refuse(_: Asked) -> Answer:
        raise NotSentError

    api.answer, api.refusal = refuse, "no certificate"

    result, journal = run()

    assert (result.not_sent, journal) == (10, [])
    assert result.refusal == "no certificate"


def test_an_undocumented_answer_is_witnessed(api: Api, run) -> None:
    api.answer = lambda _: Answer(500, {}, {"code": "internal_error"})

    result, _ = run()

    assert result.undocumented == 10
    assert "internal_error" in result.witnesses[0]


def test_a_full_service_is_no_undocumented_one(api: Api, run) -> None:
    told = {"content-type": "application/problem+json", "retry-after": "1"}
    api.answer = lambda _: Answer(503, told, {"code": "overloaded"})

    result, _ = run()

    assert (result.refused, result.undocumented) == (10, 0)


def test_a_load_that_is_not_let_in_ends_at_once(api: Api, run) -> None:
    api.answer = lambda _: Answer(401, {}, {"code": "unauthorized"})

    result, _ = run(rate=1.0, seconds=60.0, connections=1)

    assert result.is_refused
    assert result.sent == 1
