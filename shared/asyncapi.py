"""What a service hears and says on the bus, as an AsyncAPI 3.0 document read off its switchboard and the vocabulary."""

import inspect
from collections.abc import Collection, Iterable
from importlib import import_module
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared import names
from shared.events.fact import Fact, Timer, catalogue
from shared.mailbox.box import Mailbox

ENVELOPE = {
    names.EVENT_ID: "what a repeat is known by",
    names.EVENT_TYPE: "the fact and its version",
    names.EVENT_SOURCE: "the service that says it",
    names.EVENT_TIME: "when it was said, UTC",
    names.EVENT_KEY: "what the fact is ordered by: the person, wherever there is one",
    names.KEY_VERSION: "which fact of that key it is, counted without gaps",
    names.OPENS: "the first fact of that key that can still be had",
    names.TRACE: "the W3C trace it belongs to",
}
"""CloudEvents 1.0 in binary mode, and ours."""

Reference = dict[str, Any]
"""Where something else stands in the document: `{"$ref": "#/components/schemas/Span"}`."""


def document(mailbox: Mailbox, *, url: str) -> dict[str, Any]:
    """This will give the document of the service whose mailbox this is, on the broker at `url`."""
    heard, said = facts_heard(mailbox), facts_said(mailbox)
    board, facts = mailbox.board, {each.type_name(): each for each in (*heard, *said)}
    schemas, places = _schemas(facts.values(), board.schemas.values())
    edges = {
        **{f"ingest.{kind}": _ingest(kind, places.get(board.schemas.get(kind))) for kind in sorted(board.ingests)},
        **{f"status.{kind}": _status(kind) for kind in sorted(board.ingests)},
        **{f"query.{question}": _query(question) for question in sorted(board.questions)},
    }
    receives = [each.type_name() for each in heard] + [each for each in edges if not each.startswith("status.")]
    sends = [each.type_name() for each in said] + [each for each in edges if each.startswith("status.")]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"Alongside {mailbox.speaker}", "version": "1"},
        "defaultContentType": "application/json",
        "servers": {"nats": {"host": _host(url), "pathname": "", "protocol": "nats"}},
        "channels": {**{name: _channel(kind) for name, kind in facts.items()}, **edges},
        "operations": _operations("receive", receives) | _operations("send", sends),
        "components": {
            "messages": {name: _message(kind, places[kind]) for name, kind in facts.items()},
            "schemas": {**schemas, "Envelope": _envelope()},
        },
    }


def _host(url: str) -> str:
    """This will give the address of the first broker a URL names, without anybody's password."""
    return url.partition(",")[0].rpartition("://")[2].rpartition("@")[2]


def facts_heard(mailbox: Mailbox) -> list[type[Fact]]:
    """This will list the facts that reach the service by the bus."""
    heard = (kind for name, kind in mailbox.board.facts.items() if name not in mailbox.board.timers)
    return sorted(heard, key=lambda kind: kind.type_name())


def facts_said(mailbox: Mailbox) -> list[type[Fact]]:
    """This will list the facts that the service says; its timers and errands never travel."""
    own = catalogue(import_module(f"shared.events.{mailbox.speaker}"))
    stays = {name for name, kind in own.items() if issubclass(kind, Timer)} | set(mailbox.errands.kinds)
    return [kind for name, kind in sorted(own.items()) if name not in stays]


def _channel(kind: type[Fact]) -> dict[str, Any]:
    room = f"sealed.{kind.SEALED_FOR}" if kind.SEALED_FOR else kind.speaker()
    fact = names.kebab(kind.__name__)
    partition = {"enum": [str(each) for each in range(names.PARTITIONS)], "description": "of the ordering key"}
    return {
        "address": f"{room}.{fact}.v{kind.VERSION}.{{partition}}",
        "parameters": {"partition": partition},
        "messages": {fact: {"$ref": f"#/components/messages/{kind.type_name()}"}},
    }


def _message(kind: type[Fact], schema: Reference) -> dict[str, Any]:
    told = {
        "name": kind.type_name(),
        "title": kind.__name__,
        "summary": inspect.cleandoc(kind.__doc__ or "").partition("\n")[0],
        "headers": {"$ref": "#/components/schemas/Envelope"},
        "payload": schema,
    }
    if kind.SEALED_FOR:
        told["description"] = f"Sealed (AES-256-GCM): {kind.SEALED_FOR} alone can open it, and then reads this."
        told["contentType"] = "application/octet-stream"
    return told


def _schemas(*kinds: Iterable[type[BaseModel]]) -> tuple[dict[str, Any], dict[Any, Reference]]:
    """This will give the JSON schemas of facts and posts, and where each of them stands among them."""
    wanted = [(kind, "validation") for some in kinds for kind in some]
    places, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    return found.get("$defs", {}), {kind: place for (kind, _), place in places.items()}


def _envelope() -> dict[str, Any]:
    properties = {name: {"type": "string", "description": words} for name, words in ENVELOPE.items()}
    return {"type": "object", "description": "CloudEvents 1.0, binary mode", "properties": properties}


def _operations(action: str, channels: Collection[str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for each in channels:
        told[f"{action} {each}"] = {"action": action, "channel": {"$ref": f"#/channels/{each}"}}
        if each.startswith("query."):
            told[f"{action} {each}"]["reply"] = {}
    return told


def _ingest(kind: str, schema: Reference | None) -> dict[str, Any]:
    words = f"What organisations post about a {kind}: the content type names the format, and here is our own JSON."
    told = _edge(names.ingest_subject("{organisation}", kind), kind, words)
    if schema:
        told["messages"][kind] |= {"payload": schema, "contentType": names.media_type(kind)}
    return told


def _status(kind: str) -> dict[str, Any]:
    words = f"What an organisation is told about each {kind} it posted: where it stands, or why it was refused."
    return _edge(names.status_subject("{organisation}", kind), "status", words)


def _query(question: str) -> dict[str, Any]:
    return _edge(names.query_subject("{organisation}", question), question, "A payer's question and its answer.")


def _edge(address: str, message: str, words: str) -> dict[str, Any]:
    organisation = {"description": "the organisation's own id; the broker lets it use no other"}
    return {
        "address": address,
        "description": words,
        "parameters": {"organisation": organisation},
        "messages": {message: {"name": message, "title": message, "summary": words, "payload": {}}},
    }
