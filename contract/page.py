"""The documents as a page for people: plain HTML, no scripts, nothing loaded.

A browser opens and closes the parts by itself, so the page works without a network
and under a policy that allows its style sheet and nothing else.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from typing import Final, cast

from orders.contract.json_schema import JsonObject, JsonValue
from orders.contract.page_style import STYLE

_DIGEST = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_CODE = re.compile(r"`([^`]+)`")
_BOUNDS: Final = (
    *("format", "pattern", "minimum", "exclusiveMinimum", "maximum", "default"),
    *("minLength", "maxLength", "minItems", "maxItems"),
)
_LONGEST_ENUM = 20


def page(openapi: JsonObject, asyncapi: JsonObject) -> str:
    """Return the page that shows both documents."""
    info = _object(openapi["info"])
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(info['title'])}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{_text(info['title'])} <small>{_text(info['version'])}"
        f"</small></h1>\n{_prose(info['description'])}"
        '<nav><a href="/openapi.json">openapi.json</a>'
        '<a href="/asyncapi.json">asyncapi.json</a><a href="#bodies">Bodies</a>'
        '<a href="#events">Events</a></nav>\n'
        f"{''.join(_operations(openapi))}{''.join(_schemas(openapi))}"
        f"{''.join(_events(asyncapi))}</body>\n</html>\n"
    )


def _operations(document: JsonObject) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, methods in _object(document["paths"]).items():
        for method, value in _object(methods).items():
            operation = _object(value)
            if method != "head":  # as GET, without the body
                tag = str(cast("list[JsonValue]", operation["tags"])[0])
                told = _operation(document, method, path, operation)
                by_tag.setdefault(tag, []).append(told)
    for tag, told_of in by_tag.items():
        yield f"<h2>{_text(tag)}</h2>\n{''.join(told_of)}"


def _operation(
    document: JsonObject, method: str, path: str, operation: JsonObject
) -> str:
    parts = [_prose(operation.get("description", ""))]
    parameters = cast("list[JsonValue]", operation.get("parameters", []))
    if parameters:
        rows = (_parameter(_resolved(document, it)) for it in parameters)
        parts.append(f"<h3>Parameters</h3>{_table(rows)}")
    if "requestBody" in operation:
        body = _object(operation["requestBody"])
        parts.append(f"<h3>Request</h3>{_content(document, body)}")
    parts.append(f"<h3>Needs</h3><p>{_needs(operation)}</p><h3>Answers</h3>")
    for status, answer in _object(operation["responses"]).items():
        told = _object(answer)
        text = f"<b>{status}</b> {_inline(told['description'])}"
        parts.append(_part(text, _content(document, told)))
    head = (
        f'<b class="{method}">{method.upper()}</b> <code>{_text(path)}</code> '
        f'<span class="soft">{_text(operation["summary"])}</span>'
    )
    return _part(head, "".join(parts), str(operation["operationId"]))


def _needs(operation: JsonObject) -> str:
    security = cast("list[JsonValue]", operation["security"])
    scopes = [str(scope) for one in security for scope in _scopes(_object(one))]
    return f"An API key with {_text(', '.join(scopes))}" if scopes else "No API key"


def _scopes(scheme: JsonObject) -> Iterator[JsonValue]:
    for scopes in scheme.values():
        yield from cast("list[JsonValue]", scopes)


def _parameter(parameter: JsonObject) -> tuple[str, str, str]:
    name = f"<code>{_text(parameter['name'])}</code>"
    required = ", required" if parameter.get("required") else ""
    schema = _object(parameter["schema"])
    told = f"{_inline(parameter.get('description', ''))} {_form(schema)}"
    return name, f"{_text(parameter['in'])}{required}", told


def _content(document: JsonObject, holder: JsonObject) -> str:
    """Return media types with their schema's name and their first example."""
    parts = []
    for media_type, value in _object(holder.get("content", {})).items():
        media = _object(value)
        example = media.get("example")
        for named in _object(media.get("examples", {})).values():
            example = (
                _resolved(document, named)["value"] if example is None else example
            )
        parts.append(
            f'<p class="soft">{_text(media_type)} {_form(media["schema"])}</p>'
        )
        if example is not None:
            parts.append(_code(example))
    return "".join(parts)


def _schemas(document: JsonObject) -> Iterator[str]:
    yield '<h2 id="bodies">Bodies</h2>\n'
    for name, value in _object(_object(document["components"])["schemas"]).items():
        yield _part(f"<code>{_text(name)}</code>", _members(_object(value)), name)


def _events(document: JsonObject) -> Iterator[str]:
    components = _object(document["components"])
    told = _object(document["info"])["description"]
    yield f'<h2 id="events">Events</h2>\n{_prose(told)}'
    for value in _object(components["messages"]).values():
        message = _object(value)
        name = str(message["name"])
        schema = _object(_object(components["schemas"])[name])
        example = cast("list[JsonValue]", message["examples"])[0]
        body = f"{_members(schema)}<h3>Example</h3>{_code(example)}"
        yield _part(f"<code>{_text(name)}</code>", body, name)


def _members(schema: JsonObject) -> str:
    required = cast("list[JsonValue]", schema.get("required", []))
    rows = (
        (
            f"<code>{_text(name)}</code>",
            "required" if name in required else "",
            f"{_inline(_object(member).get('description', ''))} {_form(member)}",
        )
        for name, member in _object(schema.get("properties", {})).items()
    )
    return _prose(schema.get("description", "")) + _table(rows)


def _form(value: JsonValue) -> str:
    """Return in a few words what a schema allows."""
    schema = _object(value)
    if "allOf" in schema:
        schema = _object(cast("list[JsonValue]", schema["allOf"])[0])
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{_text(name)}">{_text(name)}</a>'
    words = [str(schema.get("type", ""))]
    if "enum" in schema:
        known = cast("list[JsonValue]", schema["enum"])
        words = [" | ".join(map(str, known[:_LONGEST_ENUM]))]
        words += [f"and {len(known) - _LONGEST_ENUM} more"] * (
            len(known) > _LONGEST_ENUM
        )
    words += [f"{name} {schema[name]}" for name in _BOUNDS if name in schema]
    told = f'<span class="soft">{_text(", ".join(filter(None, words)))}</span>'
    return f"{told} of {_form(schema['items'])}" if "items" in schema else told


def _part(head: str, body: str, name: str = "") -> str:
    anchor = f' id="{_text(name)}"' if name else ""
    return f"<details{anchor}><summary>{head}</summary>{body}</details>\n"


def _table(rows: Iterable[Iterable[str]]) -> str:
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _code(value: JsonValue) -> str:
    return f"<pre>{_text(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _prose(text: JsonValue) -> str:
    paragraphs = str(text).strip().split("\n\n")
    return "".join(f"<p>{_inline(it)}</p>\n" for it in paragraphs if it)


def _inline(text: JsonValue) -> str:
    return _CODE.sub(r"<code>\1</code>", _text(text))


def _text(value: JsonValue) -> str:
    return escape(str(value))


def _resolved(document: JsonObject, value: JsonValue) -> JsonObject:
    found = _object(value)
    if "$ref" not in found:
        return found
    place: JsonValue = document
    for name in str(found["$ref"]).split("/")[1:]:
        place = _object(place)[name]
    return _object(place)


def _object(value: JsonValue) -> JsonObject:
    return cast("JsonObject", value)
