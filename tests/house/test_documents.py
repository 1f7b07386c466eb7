"""What a service tells of itself at /docs, /asyncapi and /asyncapi.json is true, and needs nothing from elsewhere."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from httpx import ASGITransport, AsyncClient

from shared import asyncapi, bus_page, names
from shared.events.fact import Timer, catalogue
from tests.house.test_openings import created

each_service = pytest.mark.parametrize("name", names.SERVICES)
TIMERS = {
    kind
    for speaker in names.SERVICES
    for kind, fact in catalogue(import_module(f"shared.events.{speaker}")).items()
    if issubclass(fact, Timer)
}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


@each_service
def test_the_document_names_what_the_service_hears_and_says(name: str, tmp_path: Path) -> None:
    service, opening = created(name, tmp_path), import_module(f"services.{name}")
    errands = set(service.mailbox.errands.kinds)

    told = asyncapi.document(service.mailbox, url="nats://kim:secret@broker:4222")["operations"]

    heard = {each.removeprefix("receive ") for each in told if each.startswith("receive ")}
    said = {each.removeprefix("send ") for each in told if each.startswith("send ")}
    edges = {f"ingest.{each}" for each in service.mailbox.board.ingests}
    edges |= {f"query.{each}" for each in service.mailbox.board.questions}
    assert heard == set(opening.HEARS) - TIMERS | edges
    assert said == set(opening.SAYS) - TIMERS - errands | {f"status.{each}" for each in service.mailbox.board.ingests}


@each_service
def test_the_document_is_asyncapi_and_leads_nowhere_outside_itself(name: str, tmp_path: Path) -> None:
    document = asyncapi.document(created(name, tmp_path).mailbox, url="nats://kim:secret@broker:4222")

    ApplicationSchema.model_validate(document)
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert document["servers"]["nats"]["host"] == "broker:4222"


@each_service
def test_the_schema_of_what_may_be_posted_is_in_the_document(name: str, tmp_path: Path) -> None:
    board = (service := created(name, tmp_path)).mailbox.board
    document = asyncapi.document(service.mailbox, url="nats://broker:4222")

    for kind in board.ingests:
        message = document["channels"][f"ingest.{kind}"]["messages"][kind]
        schema = document["components"]["schemas"][message["payload"]["$ref"].rpartition("/")[2]]
        assert message["contentType"] == f"application/vnd.alongside.{kind}.v1+json"
        assert set(schema["properties"]) == {
            each.alias or member for member, each in board.schemas[kind].model_fields.items()
        }


def test_the_page_tells_fields_in_words(tmp_path: Path) -> None:
    page = bus_page.page(asyncapi.document(created("scheduling", tmp_path).mailbox, url="nats://broker:4222"))

    told = re.sub(r"<[^>]+>", " ", page)
    assert "scheduling.seat-held.v1.{partition}" in told
    assert re.search(r"minutes\s+integer\s+always", told)
    assert re.search(r"supporter_id\s+uuid or null\s+may be missing", told)
    assert "scheduling alone can open it" in told


@each_service
@pytest.mark.parametrize("path", ["/docs", "/asyncapi"])
async def test_a_page_fetches_nothing_from_elsewhere(name: str, path: str, tmp_path: Path) -> None:
    service = created(name, tmp_path)
    async with AsyncClient(transport=ASGITransport(service.http), base_url="http://service") as http:
        page = (await http.get(path)).text
        fetched = re.findall(r'(?:src|href)="([^"]+)"', page)
        found = [(each, (await http.get(each)).status_code) for each in fetched]

    assert not [each for each in fetched if re.match(r"(https?:)?//", each)]
    assert [each for each, status in found if status != 200] == []


@each_service
def test_the_openapi_document_says_what_each_route_does_and_the_services_own_first(name: str, tmp_path: Path) -> None:
    routes = created(name, tmp_path).http.openapi()["paths"]

    assert [each for each in routes if not all(told["summary"].endswith(".") for told in routes[each].values())] == []
    places = list(routes)
    assert places.index("/health") > 0
    everywhere = {"/health", "/ready", "/quiet", "/figures", "/programme", "/metrics", "/asyncapi.json", "/asyncapi"}
    mending = {"/letters", *(f"/letters/{{letter_id}}{each}" for each in ("", "/open", "/mend", "/replay"))}
    assert set(places[places.index("/health") :]) == everywhere | mending | {"/work", "/work/{task_id}/done"}
