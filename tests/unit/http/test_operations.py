from collections.abc import Mapping, Sequence

import pytest
from falcon import testing

from orders.http.health import Check, CheckState, HealthChecks
from orders.http.operations_app import Version, create_operations_app

OK = Check("database", CheckState.OK)
AWAY = Check("kafka", CheckState.DEGRADED, "no broker answers")
BROKEN = Check("database", CheckState.FAILED, "refused")


class FakeHealth:
    def __init__(self, *ready: Check, live: Sequence[Check] = (OK,)) -> None:
        self._ready = ready
        self._live = live

    def live(self) -> Sequence[Check]:
        return self._live

    def ready(self) -> Sequence[Check]:
        return self._ready

    def started(self) -> Sequence[Check]:
        return self._ready


class FakeSource:
    def exposition(self) -> bytes:
        return b"orders_accepted_total 3.0\n"

    def status(self) -> Mapping[str, object]:
        return {"uptime_seconds": 4.5}


def client(*ready: Check, live: Sequence[Check] = (OK,)) -> testing.TestClient:
    health = FakeHealth(*ready, live=live)
    version = Version("1.2.3", "node-1", "abc")
    return testing.TestClient(create_operations_app(health, FakeSource(), version))


def test_ready_when_every_check_is_ok() -> None:
    answer = client(OK).simulate_get("/readyz")

    assert (answer.status_code, answer.text) == (200, "ok")


def test_a_degraded_part_keeps_the_node_ready() -> None:
    answer = client(OK, AWAY).simulate_get("/readyz")

    assert answer.status_code == 200


def test_a_failed_part_makes_the_node_not_ready() -> None:
    answer = client(BROKEN, AWAY).simulate_get("/readyz")

    assert answer.status_code == 503


def test_a_failed_probe_says_why_without_being_asked() -> None:
    answer = client(BROKEN).simulate_get("/readyz")

    assert "[-]database failed: refused" in answer.text


def test_verbose_lists_every_check() -> None:
    answer = client(OK, AWAY).simulate_get("/readyz?verbose")

    assert answer.text == (
        "[+]database ok\n[~]kafka degraded: no broker answers\nreadyz check passed\n"
    )


def test_probes_are_plain_text() -> None:
    answer = client(OK).simulate_get("/livez?verbose")

    assert answer.headers["content-type"].startswith("text/plain")


def test_liveness_does_not_look_at_readiness() -> None:
    answer = client(BROKEN).simulate_get("/livez")

    assert answer.status_code == 200


def test_liveness_fails_with_its_own_check() -> None:
    stuck = Check("event_loop", CheckState.FAILED, "no turn for 12 s")

    answer = client(OK, live=[stuck]).simulate_get("/livez")

    assert answer.status_code == 503


def test_a_check_that_raises_counts_as_failed() -> None:
    def broken() -> Check:
        raise RuntimeError("boom")

    health = HealthChecks(live={}, ready={"lane": broken}, started={})

    (check,) = health.ready()

    assert (check.name, check.state) == ("lane", CheckState.FAILED)
    assert "boom" in check.detail


def test_metrics_come_in_the_prometheus_format() -> None:
    answer = client().simulate_get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.content == b"orders_accepted_total 3.0\n"


def test_version_names_the_build_and_the_node() -> None:
    version = client().simulate_get("/version").json

    assert version["version"] == "1.2.3"
    assert version["git_sha"] == "abc"
    assert version["node"] == "node-1"
    assert version["python"].startswith("3.")


@pytest.mark.parametrize(
    ("checks", "state"),
    [([OK], "ok"), ([OK, AWAY], "degraded"), ([AWAY, BROKEN], "failed")],
)
def test_status_shows_the_worst_state(checks: list[Check], state: str) -> None:
    status = client(*checks).simulate_get("/status.json").json

    assert status["state"] == state


def test_status_carries_the_sources_numbers_and_the_checks() -> None:
    status = client(AWAY).simulate_get("/status.json").json

    assert status["uptime_seconds"] == 4.5
    assert {
        "name": "kafka",
        "state": "degraded",
        "detail": "no broker answers",
    } in status["checks"]


def test_the_page_loads_nothing_from_outside() -> None:
    answer = client().simulate_get("/ui")

    assert "://" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_nothing_is_cached() -> None:
    answer = client(OK).simulate_get("/readyz")

    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/livez", "/metrics", "/status.json", "/ui"])
def test_only_reading_is_allowed(method: str, path: str) -> None:
    answer = client(OK).simulate_request(method, path)

    assert answer.status_code == 405


def test_unknown_paths_are_not_found() -> None:
    assert client().simulate_get("/admin").status_code == 404
