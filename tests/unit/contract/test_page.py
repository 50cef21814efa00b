"""The page for people shows all of both documents, and needs nothing from anywhere."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from orders.contract.asyncapi import asyncapi
from orders.contract.documents import page_document
from orders.contract.openapi import openapi
from orders.contract.page import page
from orders.http.access import ROUTES
from orders.http.problems import KINDS

VOID = {"meta"}
LOADING = {"src", "srcset", "action", "background", "poster", "data", "style"}


class Reader(HTMLParser):
    """Reads a page, and notes what it links to and what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.attributes |= given.keys()
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if "href" in given:
            self.targets.add(str(given["href"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def html() -> str:
    return page_document().data.decode()


@pytest.fixture(scope="module")
def read(html: str) -> Reader:
    return Reader(html)


def test_the_page_is_whole(read: Reader) -> None:
    assert read.open == []
    assert len(set(read.ids)) == len(read.ids)


def test_nothing_is_loaded_or_run(read: Reader) -> None:
    assert read.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert read.attributes.isdisjoint(LOADING)
    assert not any(name.startswith("on") for name in read.attributes)


def test_the_policy_allows_the_style_sheet_and_nothing_else(html: str) -> None:
    found = re.search(r"<style>(.*)</style>", html, re.DOTALL)
    assert found is not None
    digest = b64encode(sha256(found[1].encode()).digest()).decode()

    policy = page_document().policy

    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy


def test_every_link_leads_somewhere(read: Reader) -> None:
    within = {target[1:] for target in read.targets if target.startswith("#")}

    assert within - set(read.ids) == set()
    assert {t for t in read.targets if not t.startswith("#")} == {
        "/openapi.json",
        "/asyncapi.json",
    }


def test_every_route_code_schema_and_event_is_shown(read: Reader) -> None:
    document, events = openapi("0"), asyncapi("0")
    wanted = {path for _, path in ROUTES} | set(KINDS)
    wanted |= document["components"]["schemas"].keys()
    wanted |= events["components"]["schemas"].keys()

    assert [text for text in wanted if text not in read.text] == []


def test_what_documents_say_is_text_to_a_browser() -> None:
    document = openapi("<script>alert(1)</script>")

    assert "<script" not in page(document, asyncapi("0"))
