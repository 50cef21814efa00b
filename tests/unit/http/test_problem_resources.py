"""The type of every problem leads to what it means."""

import pytest
from falcon.testing import TestClient

from orders.http.problems import KINDS


@pytest.mark.parametrize("code", KINDS)
def test_the_type_of_a_problem_says_what_it_means(api: TestClient, code: str) -> None:
    told = api.simulate_get(f"/problems/{code}").json

    assert told["type"] == f"/problems/{code}"
    assert (told["status"], told["title"], told["retryable"]) == KINDS[code]


def test_a_refusal_names_a_type_that_is_served(api: TestClient) -> None:
    refused = api.simulate_get("/v1/orders/no-id").json

    told = api.simulate_get(refused["type"]).json

    assert told["code"] == refused["code"]


def test_an_unknown_code_is_not_found(api: TestClient) -> None:
    answer = api.simulate_get("/problems/magic")

    assert (answer.status_code, answer.json["code"]) == (404, "route_not_found")


def test_the_list_has_every_code_once(api: TestClient) -> None:
    told = api.simulate_get("/problems").json["problems"]

    assert sorted(kind["code"] for kind in told) == sorted(KINDS)
