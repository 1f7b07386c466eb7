"""A referrer finds their own referrals again, page by page, by what FHIR searches by, and never anybody else's."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from shared import clock
from shared.database import Database
from tests.referrals.makers import NOW, Desk, desk_on, patient, request


async def find(desk: Desk, path: str, **rest: Any) -> dict[str, Any]:
    """The Bundle that a search gives."""
    answer = await desk.ask("GET", f"/fhir/{path}", **rest)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def numbers(found: dict[str, Any]) -> list[str]:
    """The placers' numbers in a Bundle, in its order."""
    matches = [each for each in found.get("entry", []) if each["search"]["mode"] == "match"]
    return [each["resource"]["identifier"][0]["value"] for each in matches]


async def three(desk: Desk) -> list[str]:
    """Three referrals a day apart: of Ana twice, and of Ben, whose risk nobody asked about."""
    made = []
    for day, changes in enumerate(({}, {}, {"answer": None, "contained": [ben()]})):
        clock.step_to(NOW.replace(day=2 + day))
        made.append(await desk.referred(request(f"R-{day + 1}", **changes)))
    return made


def ben() -> dict[str, Any]:
    return patient(identifier=[{"system": "urn:hospital:mrn", "value": "M-2"}])


async def test_without_parameters_lists_ones_own_the_latest_first(desk: Desk) -> None:
    await three(desk)
    await desk.referred(request("R-9"), who="silent-centre")

    found = await find(desk, "Task")

    assert numbers(found) == ["R-3", "R-2", "R-1"]
    assert (found["type"], found["total"]) == ("searchset", 3)
    assert numbers(await find(desk, "ServiceRequest")) == ["R-3", "R-2", "R-1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("identifier=urn:hospital|R-2", ["R-2"]),
        ("identifier=R-2,R-3", ["R-3", "R-2"]),
        ("identifier=urn:other|R-2", []),
        ("patient:identifier=urn:hospital:mrn|M-1", ["R-2", "R-1"]),
        ("for:identifier=urn:hospital:mrn|M-2", ["R-3"]),
        ("patient=urn:hospital:mrn|M-1,urn:hospital:mrn|M-2", ["R-3", "R-2", "R-1"]),
        ("patient=Patient/nobody", []),
        ("status=accepted", ["R-2", "R-1"]),
        ("status=on-hold,rejected", ["R-3"]),
        ("status=http://hl7.org/fhir/task-status|on-hold", ["R-3"]),
        ("business-status=needs_screen", ["R-3"]),
        ("owner=main", ["R-3", "R-2", "R-1"]),
        ("owner=elsewhere", []),
        ("authored-on=2026-03-03", ["R-2"]),
        ("authored-on=ge2026-03-03", ["R-3", "R-2"]),
        ("authored-on=gt2026-03-03", ["R-3"]),
        ("authored-on=lt2026-03-03", ["R-1"]),
        ("authored-on=le2026-03-03", ["R-2", "R-1"]),
        ("authored-on=ge2026-03-03&authored-on=lt2026-03-04", ["R-2"]),
        ("authored-on=2026-03", ["R-3", "R-2", "R-1"]),
        ("authored-on=2026", ["R-3", "R-2", "R-1"]),
        ("authored-on=2025", []),
        ("authored-on=ge2026-03-03T12:00:00-05:00", ["R-3", "R-2"]),
        ("authored-on=gt2026-03-03T12:00:00-05:00", ["R-3"]),
        ("_lastUpdated=gt2026-03-02", ["R-3", "R-2"]),
        ("_id=nobody", []),
        ("_count=2", ["R-3", "R-2"]),
        ("_format=json&_sort=-authored-on&_total=accurate", ["R-3", "R-2", "R-1"]),
    ],
)
async def test_finds_tasks_by_whatever_fhir_searches_by(desk: Desk, query: str, expected: list[str]) -> None:
    await three(desk)

    assert numbers(await find(desk, f"Task?{quote(query, safe='=&:|,/.-')}")) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("authored=2026-03-03", ["R-2"]),
        ("subject:identifier=urn:hospital:mrn|M-2", ["R-3"]),
        ("status=active", ["R-3", "R-2", "R-1"]),
        ("status=revoked", []),
    ],
)
async def test_finds_requests_by_what_they_have(desk: Desk, query: str, expected: list[str]) -> None:
    await three(desk)

    assert numbers(await find(desk, f"ServiceRequest?{query}")) == expected


async def test_finds_by_id_and_by_focus(desk: Desk) -> None:
    first, second, _ = await three(desk)

    assert numbers(await find(desk, f"Task?_id={first},{second}")) == ["R-2", "R-1"]
    assert numbers(await find(desk, f"Task?focus=ServiceRequest/{first}")) == ["R-1"]


async def test_includes_the_requests_that_tasks_are_about(desk: Desk) -> None:
    await three(desk)

    found = await find(desk, "Task?_include=Task:focus&identifier=R-1")

    assert [(each["resource"]["resourceType"], each["search"]["mode"]) for each in found["entry"]] == [
        ("Task", "match"),
        ("ServiceRequest", "include"),
    ]
    assert found["total"] == 1


async def test_pages_follow_each_other_without_loss_while_more_arrive(desk: Desk) -> None:
    for number in range(7):
        clock.step_to(NOW.replace(minute=number))
        await desk.referred(request(f"R-{number}"))
    clock.step_to(NOW.replace(minute=30))

    seen, path = [], "Task?_count=2&status=accepted"
    while path:
        found = await find(desk, path)
        seen += numbers(found)
        links = {each["relation"]: each["url"] for each in found.get("link", [])}
        assert "total" not in found
        path = links.get("next", "").removeprefix("http://referrals/fhir/")
        await desk.referred(request(f"late-{len(seen)}"))

    assert seen == [f"R-{number}" for number in reversed(range(7))]


@pytest.mark.parametrize(
    ("public", "base"), [("", "http://referrals"), ("https://peers.example", "https://peers.example")]
)
async def test_links_lead_to_the_public_address_or_to_where_the_caller_came(
    database: Database, tmp_path: Path, public: str, base: str
) -> None:
    async with desk_on(database, tmp_path, public_url=public) as desk:
        ids = {await desk.referred(request(f"R-{number}")) for number in range(3)}

        found = await find(desk, "Task?_count=2&_include=Task:focus")

    assert [each["relation"] for each in found["link"]] == ["self", "next"]
    assert all(each["url"].startswith(f"{base}/fhir/Task?_page=") for each in found["link"])
    addresses = {each["fullUrl"] for each in found["entry"]}
    assert len(addresses) == 4
    assert addresses <= {f"{base}/fhir/{kind}/{each}" for kind in ("Task", "ServiceRequest") for each in ids}


async def test_the_same_search_may_be_posted_as_a_form(desk: Desk) -> None:
    await three(desk)
    headers = {"content-type": "application/x-www-form-urlencoded"}

    answer = await desk.ask("POST", "/fhir/Task/_search", content=b"identifier=R-2&_count=5", headers=headers)

    assert numbers(answer.json()) == ["R-2"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("name=Ana", "query name"),
        ("patient.name=Ana", "query *"),
        ("identifier:contains=R", "query *"),
        ("status:identifier=a|b", "query *"),
        ("status=a&status=b", "query status"),
        ("patient=M-1", "query patient"),
        ("status=" + ",".join("a" * 101), "query status"),
        ("&".join(["authored-on=ge2026-01-01"] * 51), "query"),
        ("authored-on=yesterday", "query authored-on"),
        ("authored-on=ne2026-03-03", "query authored-on"),
        ("authored-on=2026-02-30", "query authored-on"),
        ("_count=many", "query _count"),
        ("_page=here", "query _page"),
        ("_include=Task:patient", "query _include"),
        ("identifier=a|", "query identifier"),
    ],
)
async def test_what_cannot_be_searched_by_is_told(small: Desk, query: str, place: str) -> None:
    answer = await small.ask("GET", f"/fhir/Task?{query}")

    assert answer.status_code in (400, 422)
    assert answer.json()["issue"][0]["expression"] == [place]


async def test_whoever_is_lenient_is_not_told(small: Desk) -> None:
    await three(small)

    found = await find(small, "Task?name=Ana", headers={"prefer": "handling=lenient"})

    assert len(found["entry"]) == 3


async def test_nobody_finds_what_is_anothers(desk: Desk) -> None:
    mine = await desk.referred(request("R-1"))
    queries = ("", f"?_id={mine}", "?identifier=urn:hospital|R-1", "?patient:identifier=urn:hospital:mrn|M-1")

    for who in ("silent-centre", "garden-health", "agency"):
        for kind in ("Task", "ServiceRequest"):
            found = [await find(desk, f"{kind}{query}", who=who) for query in queries]

            assert [each["total"] for each in found if "entry" not in each] == [0, 0, 0, 0]


async def test_a_version_that_is_known_is_not_sent_again(desk: Desk) -> None:
    mine = await desk.referred(request("R-1"))
    first = await desk.ask("GET", f"/fhir/Task/{mine}")

    again = await desk.ask("GET", f"/fhir/Task/{mine}", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
