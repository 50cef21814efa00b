"""Documents over HTTP, and the copies of them in the repository."""

import json
from pathlib import Path

import pytest
from falcon.testing import TestClient

from orders.contract.documents import DOCUMENTS, files
from orders.http.app import OrderApp
from orders.http.document_resources import Document, DocumentItem

DOCS = Path(__file__).parents[3] / "docs"
JSON_PATHS = [path for path in DOCUMENTS if path.endswith(".json")]


@pytest.fixture
def api(app: OrderApp) -> TestClient:
    return TestClient(app)


@pytest.mark.parametrize("name", sorted(files()))
def test_the_copy_in_the_repository_is_what_this_program_says(name: str) -> None:
    assert (DOCS / name).read_bytes() == files()[name], (
        "run: .venv/bin/orders api --write docs"
    )


@pytest.mark.parametrize("name", sorted(files()))
def test_no_text_has_the_indentation_of_the_source(name: str) -> None:
    # Python dedents docstrings from 3.13 on, and no other version may say otherwise.
    assert b"\\n  " not in files()[name]


@pytest.mark.parametrize("path", JSON_PATHS)
def test_what_is_served_is_what_the_repository_has(api: TestClient, path: str) -> None:
    answer = api.simulate_get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == json.loads((DOCS / path.strip("/")).read_text("utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_may_be_kept_and_is_asked_for_by_its_tag(
    api: TestClient, path: str
) -> None:
    first = api.simulate_get(path)

    again = api.simulate_get(path, headers={"If-None-Match": first.headers["etag"]})
    other = api.simulate_get(path, headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert other.content == first.content
    assert first.headers["cache-control"] == "public, no-cache"
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_refused_to_who_does_not_take_its_form(
    api: TestClient, path: str
) -> None:
    answer = api.simulate_get(path, headers={"Accept": "image/png"})

    assert answer.json["code"] == "not_acceptable"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_keeps_a_browser_from_loading_anything(
    api: TestClient, path: str
) -> None:
    headers = api.simulate_get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_needs_no_key_where_orders_do(
    keyed_app: OrderApp, path: str
) -> None:
    client = TestClient(keyed_app)

    assert client.simulate_get(path).status_code == 200
    assert client.simulate_head(path).status_code == 200
    assert client.simulate_get("/v1/orders").status_code == 401


def test_a_document_is_made_once_and_not_before_it_is_asked_for(app: OrderApp) -> None:
    made: list[str] = []

    def make() -> Document:
        made.append("made")
        return Document("application/json", b"{}")

    app.add_route("/made.json", DocumentItem(make))
    before = list(made)
    client = TestClient(app)
    answers = [client.simulate_get("/made.json").text for _ in range(3)]

    assert before == []
    assert answers == ["{}"] * 3
    assert made == ["made"]
