"""An AsyncAPI document as a page to read, whole in itself: no script, nothing fetched from elsewhere."""

from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2b34; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-weight: 600; margin-bottom: 0 } h2 { margin-top: 2.5rem; font-weight: 600 }
code { font: 0.92em ui-monospace, monospace } a { color: #0b5f7a } p { margin: 0.4rem 0 }
details { border-top: 1px solid #d5dde2; padding: 0.6rem 0 } summary { cursor: pointer }
summary span { display: block; padding-left: 1.1rem; color: #51636f }
table { border-collapse: collapse; margin: 0.8rem 0 0.4rem 1.1rem } td, th { padding: 0.15rem 1.2rem 0.15rem 0 }
td, th { text-align: left; vertical-align: top } th { font-weight: 600; color: #51636f }
"""

Node = Mapping[str, Any]


def page(document: Node) -> str:
    """This will write the page."""
    title = escape(document["info"]["title"])
    received, sent = (_channels(document, action) for action in ("receive", "send"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} on the bus</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><h1>{title} on the bus</h1>'
        '<p>The same for programs: <a href="asyncapi.json">asyncapi.json</a> (AsyncAPI 3.0). '
        "Every fact travels as CloudEvents 1.0 in binary mode.</p>"
        f"<h2>It hears</h2>{received}<h2>It says</h2>{sent}</html>"
    )


def _channels(document: Node, action: str) -> str:
    wanted = [each["channel"] for each in document["operations"].values() if each["action"] == action]
    return "".join(_channel(document, _at(document, each)) for each in wanted)


def _channel(document: Node, channel: Node) -> str:
    message = _at(document, next(iter(channel["messages"].values())))
    words = [escape(message[each]) for each in ("summary", "description") if each in message]
    fields = _fields(document, _at(document, message["payload"]))
    head = f"<code>{escape(channel['address'])}</code><span>{' '.join(words)}</span>"
    return f"<details><summary>{head}</summary>{fields}</details>"


def _fields(document: Node, schema: Node) -> str:
    if "properties" not in schema:
        return ""
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(kind_of(document, each))}</td>"
        f"<td>{'always' if name in required else 'may be missing'}</td></tr>"
        for name, each in schema["properties"].items()
    )
    return f"<table><tr><th>field</th><th>is</th><th></th></tr>{rows}</table>"


def kind_of(document: Node, schema: Node) -> str:
    """This will say in a few words what a value is: `list of date-time`, `sms | email`, `Slot {weekday, start}`."""
    if "$ref" in schema:
        target = _at(document, schema)
        inner = ", ".join(target.get("properties", ()))
        return f"{target.get('title', '')} {{{inner}}}" if inner else kind_of(document, target)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(kind_of(document, each) for each in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {kind_of(document, schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")


def _at(document: Node, node: Node) -> Node:
    """This will follow a reference such as `#/components/messages/...` as far as it goes."""
    while "$ref" in node:
        found: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node
