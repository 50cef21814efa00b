"""The AsyncAPI document and the schemas of events tell what is published, all of it."""

import json
from collections.abc import Iterator

import jsonschema_rs
import pytest

from orders.config.kafka import KafkaSettings
from orders.contract.asyncapi import asyncapi
from orders.contract.events import schema_files, schema_of
from orders.contract.examples import event_of
from orders.domain.events import event_type
from orders.domain.transitions import TRANSITIONS, Change
from orders.messaging.codec import EventEncoder


@pytest.fixture(scope="module")
def told():
    return asyncapi("0.0.0")


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_every_type_of_event_is_a_message(told) -> None:
    names = {message["name"] for message in told["components"]["messages"].values()}

    assert names == {event_type(change) for change in Change}
    assert len(told["operations"]["publishOrderEvents"]["messages"]) == len(names)


def test_every_reference_leads_somewhere(told) -> None:
    found = list(references(told))

    assert len(found) > 2 * len(Change)
    for reference in found:
        place = told
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


@pytest.mark.parametrize("change", Change)
def test_the_schema_names_just_what_an_event_tells(change: Change) -> None:
    schema, data = schema_of(change), json.loads(event_of(change).data)

    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(data)
    assert set(schema["properties"]) - {"reason"} == data.keys() - {"reason"}
    assert set(schema["required"]) == data.keys() - {"reason"}


@pytest.mark.parametrize("change", Change)
def test_the_states_are_those_that_the_table_leads_to(change: Change) -> None:
    members = schema_of(change)["properties"]
    targets = [t.target for t in TRANSITIONS if t.change is change]

    assert set(members["status"]["enum"]) == {t.status for t in targets}
    assert set(members["payment_status"]["enum"]) == {t.payment_status for t in targets}


@pytest.mark.parametrize("change", Change)
def test_the_headers_are_those_that_are_sent(told, change: Change) -> None:
    schema = told["components"]["messages"][change.value]["headers"]
    without = EventEncoder()(event_of(change)._replace(traceparent=None)).headers
    sent = {name: value.decode() for name, value in without}

    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(sent)
    assert set(schema["required"]) == sent.keys()
    assert set(schema["properties"]) == sent.keys() | {"traceparent"}


@pytest.mark.parametrize("change", Change)
def test_an_event_of_another_kind_does_not_fit(told, change: Change) -> None:
    schema = told["components"]["messages"][change.value]["headers"]
    other = next(one for one in Change if one is not change)
    headers = EventEncoder()(event_of(other)).headers

    sent = {name: value.decode() for name, value in headers}
    assert not jsonschema_rs.Draft202012Validator(schema).is_valid(sent)


def test_every_schema_file_is_sound_and_named_by_its_type() -> None:
    files = schema_files()

    assert set(files) == {f"{event_type(change)}.json" for change in Change}
    for name, schema in files.items():
        jsonschema_rs.meta.validate(schema)
        assert schema["$id"] == name


def test_the_address_is_the_default_topic(told) -> None:
    topic = KafkaSettings.model_fields["topic"].default

    assert told["channels"]["orders"]["address"] == topic
