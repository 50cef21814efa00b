"""A join whose answer came between two polls is waited for, not sent again."""

import inspect

import pytest
from kafka.coordinator.base import BaseCoordinator
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.errors import UnknownMemberIdError
from kafka.future import Future
from kafka.structs import MemberState

from orders.messaging import kafka_clients, kept_joins
from orders.messaging.kept_joins import KeptJoin, install


class Coordinator(ConsumerCoordinator):
    """As far as its join task goes."""

    def __init__(self, state: object = MemberState.REBALANCING) -> None:
        self.state = state


def join_of(coordinator: Coordinator, future: Future) -> KeptJoin:
    install()
    coordinator._join_task = future
    return coordinator._join_task


def test_a_join_under_way_is_not_done() -> None:
    assert not join_of(Coordinator(), Future()).is_done


def test_an_answer_that_nobody_took_is_still_waited_for() -> None:
    assert not join_of(Coordinator(), Future().success(b"assignment")).is_done


def test_an_answer_that_nobody_took_is_handed_out() -> None:
    taken: list[object] = []

    join_of(Coordinator(), Future().success(b"assignment")).add_callback(taken.append)

    assert taken == [b"assignment"]


def test_a_failed_join_is_sent_again() -> None:
    assert join_of(Coordinator(), Future().failure(UnknownMemberIdError())).is_done


def test_an_answer_for_a_generation_that_was_reset_is_not_used() -> None:
    coordinator = Coordinator(MemberState.UNJOINED)

    assert join_of(coordinator, Future().success(b"assignment")).is_done


def test_a_join_under_way_is_not_sent_again_after_a_reset() -> None:
    assert not join_of(Coordinator(MemberState.UNJOINED), Future()).is_done


def test_a_member_whose_answer_nobody_took_goes_on_joining(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept_joins, "_client_needs_rejoin", lambda _: False)
    coordinator = Coordinator()
    join_of(coordinator, Future().success(b"assignment"))

    assert coordinator.need_rejoin()


@pytest.mark.parametrize("needed", [False, True])
def test_without_a_join_under_way_the_client_decides(
    monkeypatch: pytest.MonkeyPatch, needed: bool
) -> None:
    monkeypatch.setattr(kept_joins, "_client_needs_rejoin", lambda _: needed)
    install()
    coordinator = Coordinator()
    coordinator._join_task = None

    assert coordinator.need_rejoin() is needed


def test_no_join_is_none() -> None:
    install()
    coordinator = Coordinator()
    coordinator._join_task = None

    assert coordinator._join_task is None


def test_the_client_still_decides_by_what_is_stood_in_for() -> None:
    source = inspect.getsource(BaseCoordinator.join_group_async)

    assert "if self._join_task is None or self._join_task.is_done:" in source
    assert "while self.need_rejoin():" in source
    assert "self._manager.wait_for(\n" in source
    joining = inspect.getsource(BaseCoordinator._do_join_and_sync_async)
    assert "self.state = MemberState.REBALANCING" in joining


def test_a_consumer_that_is_opened_keeps_its_joins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka_clients, "_open", lambda _kind, _settings: None)
    monkeypatch.setattr(ConsumerCoordinator, "_join_task", None, raising=False)
    monkeypatch.setattr(ConsumerCoordinator, "need_rejoin", None)

    kafka_clients.open_consumer({})

    assert isinstance(vars(ConsumerCoordinator)["_join_task"], kept_joins._JoinTask)
    assert ConsumerCoordinator.need_rejoin is kept_joins._need_rejoin
