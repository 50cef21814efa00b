"""The OpenAPI document tells what the service's own tables say, all of it."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
import schemathesis
from falcon import inspect

from orders.contract.json_schema import DIALECT
from orders.contract.openapi import OPERATIONS, codes_of
from orders.contract.parameters import FIELDS, PARAMETERS
from orders.domain.api_keys import Scope
from orders.domain.money import CURRENCY_DIGITS
from orders.domain.order import MAX_LINES, MAX_QUANTITY
from orders.http.access import ROUTES, Rule
from orders.http.app import OrderApp
from orders.http.problems import KINDS

ROOT = Path(__file__).parents[3]


def operations(document) -> Iterator[tuple[str, str, dict]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def resolved(document, value: dict) -> dict:
    """Return what ``value`` refers to, or itself."""
    for name in value["$ref"].split("/")[1:] if "$ref" in value else ():
        document = document[name]
    return document if "$ref" in value else value


def bodies(document) -> Iterator[tuple[str, dict]]:
    """Go through the media of every request and answer."""
    for method, path, operation in operations(document):
        told = dict(operation["responses"])
        if "requestBody" in operation:
            told["request"] = operation["requestBody"]
        for status, part in told.items():
            for kind, media in part.get("content", {}).items():
                yield f"{method} {path} {status} {kind}", media


def test_every_route_that_is_served_is_told_and_no_other(
    app: OrderApp, document
) -> None:
    served = {
        (method.method, route.path)
        for route in inspect.inspect_routes(app)
        for method in route.methods
        if not method.internal
    }

    assert {(method, path) for method, path, _ in operations(document)} == served


def test_nothing_is_told_of_a_route_that_is_not_in_the_table() -> None:
    assert OPERATIONS.keys() - ROUTES.keys() == set()


def test_every_problem_code_is_an_answer_of_some_route(document) -> None:
    told = {
        code
        for _, media in bodies(document)
        for code in media.get("examples", {})
        if media["schema"]["allOf"]
    }

    assert told == set(KINDS)


def test_every_code_that_is_raised_is_a_code_of_the_interface() -> None:
    raised = {
        node.args[0].value
        for module in (ROOT / "http").glob("*.py")
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "ProblemError"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }

    assert len(raised) > 10
    assert raised - KINDS.keys() == set()


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_each_answer_tells_the_codes_of_its_status(document, method, path) -> None:
    operation = document["paths"][path][method.lower()]
    told = {
        code
        for status, answer in operation["responses"].items()
        for code in KINDS
        if f"`{code}`" in answer["description"] and KINDS[code].status == int(status)
    }

    assert told == codes_of(method, path)


@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_what_a_route_asks_for_is_what_the_table_says(document, method, path) -> None:
    told = document["paths"][path][method.lower()]["security"]

    need = ROUTES[method, path]
    assert told == ([] if need is Rule.PUBLIC else [{"ApiKey": [need]}, {}])
    assert need is Rule.PUBLIC or need in set(Scope)


def test_limits_are_those_that_are_enforced(document) -> None:
    schemas = document["components"]["schemas"]
    order, line = schemas["NewOrder"]["properties"], schemas["NewLine"]["properties"]

    assert order["items"]["maxItems"] == MAX_LINES
    assert line["quantity"]["maximum"] == MAX_QUANTITY
    assert set(order["currency"]["enum"]) == set(CURRENCY_DIGITS)


def test_an_operation_has_one_name(document) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(names)) == len(names)


def test_every_component_is_used(document) -> None:
    text = str(document)
    unused = [
        f"{section}/{name}"
        for section in ("schemas", "parameters", "headers", "examples", "links")
        for name in document["components"][section]
        if f"#/components/{section}/{name}'" not in text
    ]

    assert unused == []
    assert len(PARAMETERS) > 10
    assert len(FIELDS) > 5


def test_every_link_leads_to_an_operation_and_its_parameters(document) -> None:
    by_name = {it["operationId"]: it for _, _, it in operations(document)}

    for link in document["components"]["links"].values():
        parameters = by_name[link["operationId"]]["parameters"]
        known = {resolved(document, it)["name"] for it in parameters}
        assert set(link["parameters"]) <= known


def test_every_schema_is_sound(document) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": DIALECT, **schema})


def test_every_example_fits_its_schema(document) -> None:
    checked = 0
    validators: dict[str, jsonschema_rs.Draft202012Validator] = {}
    for place, media in bodies(document):
        values = [media["example"]] if "example" in media else []
        values += [
            resolved(document, it)["value"] for it in media.get("examples", {}).values()
        ]
        schema = {**media["schema"], "components": document["components"]}
        name = json.dumps(media["schema"])
        if name not in validators:  # each takes all components in
            validators[name] = jsonschema_rs.Draft202012Validator(
                schema, validate_formats=True
            )
        for value in values:
            checked += 1
            errors = [str(error) for error in validators[name].iter_errors(value)]
            assert errors == [], place

    assert checked > len(KINDS)


def test_the_document_is_sound_openapi(document) -> None:
    schemathesis.openapi.from_dict(document).validate()
