"""Every route that takes a body, and every subject that takes a post or a question, says where input is bad."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.world.places import PROGRAMME
from shared import clock, names
from shared.mailbox import Ingested, Reply, Status
from shared.programme import hash_key
from shared.sealed import new_keys
from shared.service import Service

SECRET = "an-inbound-secret"
AN_ID = str(uuid5(NAMESPACE_URL, "nobody"))
BYTES: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b'{"by": "Dana',
    "not UTF-8": b'{"by": "\xff\xfe"}',
    "a list": b"[]",
    "a word": b'"word"',
    "nothing known": b'{"nobody": "knows", "this": ["member"]}',
    "null": b"null",
    "NaN": b'{"by": NaN}',
    "infinity": b'{"by": 1e999}',
    "a huge number": b'{"by": ' + b"9" * 5000 + b"}",
    "half a surrogate pair": b'{"by": "\\ud800"}',
    "a control character": b'{"by": "\\u0000"}',
    "a member twice": b'{"by": "a", "by": "b"}',
    "too deep": b'{"by": ' + b"[" * 60 + b"]" * 60 + b"}",
    "far too deep": b"[" * 60_000,
    "too large": b'{"by": "' + b"x" * 1_200_000 + b'"}',
}
WRONG_VALUES: tuple[Any, ...] = ({"very": "wrong"}, [[]], -1, 10**18, "", "\U0001f343" * 300, True, None)
MEDIA = ("application/json", "application/fhir+json", "text/plain", "")
HARMLESS = {("notifications", "/inbound/sms")}
"""A text may say anything: what is not understood is read by a person."""

FOR_EVERYBODY = "/ask"
"""Where people come who have no key: they are shown a page, and what makes no sense is refused all the same."""


@asynccontextmanager
async def running(name: str, folder: Path) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """A service on an empty store, called by the programme's own people."""
    organisations = {
        each.organisation_id: each.model_copy(update={"key_hashes": [hash_key(f"{each.organisation_id}-key")]})
        for each in PROGRAMME.organisations.values()
    }
    programme = PROGRAMME.model_copy(update={"organisations": organisations})
    (folder / "programme.json").write_text(programme.model_dump_json())
    (folder / "seal.json").write_text(new_keys())
    settings = import_module(f"services.{name}.settings").Settings
    files = {"programme": folder / "programme.json", "seal_keys": folder / "seal.json"}
    knobs = {"inbound_secret": SECRET} if name == "notifications" else {}
    service: Service = import_module(f"services.{name}.app").create(settings(**files, **knobs))
    clock.step_to(clock.real())
    await service.open_store()
    transport = httpx.ASGITransport(app=service.http, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer programme-key", "X-Inbound-Secret": SECRET}
    async with httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as http:
        yield service, http
    await service.database.close()


@pytest.fixture(params=names.SERVICES)
async def edge(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """Each of the four services."""
    async with running(request.param, tmp_path) as opened:
        yield opened


def routes(service: Service) -> list[tuple[str, str, dict[str, Any]]]:
    """Every (method, path, schema of its body) that takes something in, ids filled in."""
    told = service.http.openapi()
    schemas = told.get("components", {}).get("schemas", {})
    found = []
    for path, methods in told["paths"].items():
        for method in ("post", "put", "patch"):
            if method in methods:
                filled = "/".join(AN_ID if each.startswith("{") else each for each in path.split("/"))
                found.append((method.upper(), filled, _schema(methods[method], schemas)))
    return found


def _schema(route: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    content = route.get("requestBody", {}).get("content", {})
    named = next((each["schema"].get("$ref", "") for each in content.values()), "")
    return schemas.get(named.rsplit("/", 1)[-1], {})


def is_helpful(answer: httpx.Response) -> bool:
    """A refusal says where and what to do, or which thing is not there."""
    if not 400 <= answer.status_code < 500:
        return False
    if answer.headers["content-type"].startswith("text/html"):
        # A page for a person, in their language.
        return '<html lang="en">' in answer.text and "<h1" in answer.text
    told = answer.json()
    if told.get("resourceType") == "OperationOutcome":
        return all(each["diagnostics"] for each in told["issue"])
    if "error_description" in told:
        # OAuth's own words (RFC 6749).
        return bool(told["error"] and told["error_description"])
    errors = told.get("errors") or []
    return bool(told["title"]) and (bool(errors) or answer.status_code == 404) and all(each["where"] for each in errors)


async def test_every_route_refuses_bytes_that_make_no_sense(edge: tuple[Service, httpx.AsyncClient]) -> None:
    service, http = edge

    wrong = [
        (method, path, what, media, answer.status_code, answer.text[:300])
        for method, path, _ in routes(service)
        for what, body in BYTES.items()
        for media in MEDIA
        if not is_helpful(
            answer := await http.request(method, path, content=body, headers={"Content-Type": media} if media else {})
        )
    ]

    assert routes(service)
    assert wrong == []


async def test_no_route_breaks_on_a_value_of_the_wrong_kind(edge: tuple[Service, httpx.AsyncClient]) -> None:
    service, http = edge

    broken = [
        (method, path, member, value, answer.text[:300])
        for method, path, schema in routes(service)
        for member in schema.get("properties", {"resourceType": {}})
        for value in WRONG_VALUES
        if (answer := await http.request(method, path, json={member: value})).status_code >= 500
        or (answer.status_code < 400 and (service.name, path) not in HARMLESS)
    ]

    assert broken == []


async def test_every_route_refuses_strangers_whatever_they_send(
    edge: tuple[Service, httpx.AsyncClient],
) -> None:
    service, http = edge
    strangers = {"Authorization": "Bearer nobody", "X-Inbound-Secret": "nobody", "Content-Type": "application/json"}

    answers = [
        (path, (await http.request(method, path, content=body, headers=strangers)).status_code)
        for method, path, _ in routes(service)
        for body in (b"{}", b"{", b"[" * 60_000)
    ]

    refused = {path: (404, 413, 422) if path.startswith(FOR_EVERYBODY) else (400, 401, 403, 413) for path, _ in answers}
    assert [(path, status) for path, status in answers if status not in refused[path]] == []


@pytest.mark.parametrize("organisation", ["general-hospital", "garden-health", "programme", "who-is-this"])
async def test_every_subject_refuses_what_makes_no_sense(
    edge: tuple[Service, httpx.AsyncClient], organisation: str
) -> None:
    service, _ = edge
    board = service.mailbox.board

    for what, body in BYTES.items():
        for media in MEDIA:
            number = str(uuid5(NAMESPACE_URL, f"{what} {media}"))
            for kind in board.ingests:
                post = Ingested(organisation, kind, body, media, number)
                said = await service.mailbox.run(_heard, (board, post))
                assert said and all(isinstance(each, Status) for each in said), (what, media, said)
                assert "diagnostics" in json.dumps(said[0].body) or "remedy" in json.dumps(said[0].body)
            for question, answer in board.questions.items():
                asked = Ingested(organisation, question, body, media, number)
                async with service.database.transaction() as db:
                    told = await answer(asked, db)
                assert 400 <= told["error"]["status"] < 500, (what, told)
                assert all(each["where"] and each["remedy"] for each in told["error"]["errors"])


async def _heard(given: tuple[Any, Ingested], db: AsyncConnection) -> Reply:
    board, post = given
    return Reply(await board.hear([(post.message_id, post)], db))
