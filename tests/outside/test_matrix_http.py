"""Who may do what over HTTP: every route of every service, with everything that is no right to use it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shared import clock
from tests.conftest import Migrated
from tests.outside.doors import DOORS, SCOPES, doors, real_routes
from tests.outside.house import KEYS, KINDS, SECRET, SUSPENDED, House, bearing, nobodys_id, opened
from tests.outside.visits import Made, all_but, furnish, shut_out, strangers, token, visit
from tests.scheduling.makers import NOW

AT_LEAST = 500
TELLING = re.compile(
    r"\bAna\b|Tuesday AA|Example|M-1\b|5550123|1990-05|R-1\b|hooks\.hospital|a-secret|Jordan|Traceback", re.IGNORECASE
)
"""What the things behind the doors say."""

Refusals = list[tuple[str, httpx.Response]]


@pytest.fixture
async def house(tmp_path: Path, migrated: Migrated) -> AsyncIterator[House]:
    """All four services."""
    clock.step_to(NOW)
    async with opened(tmp_path, migrated) as running:
        yield running


@pytest.fixture
async def made(house: House) -> Made:
    """What there is behind their doors."""
    return await furnish(house)


def gives_nothing_away(answer: httpx.Response, made: Made) -> bool:
    """Whether a refusal says what to do in one of our two shapes, and nothing about anything or anybody here."""
    told = answer.text + json.dumps(dict(answer.headers))
    secrets = [*KEYS.values(), SECRET, *made.ids.values()]
    if TELLING.search(told) or any(each in told for each in secrets):
        return False
    if (answer.status_code == 401) != ("www-authenticate" in answer.headers):
        return False
    body = answer.json()
    if answer.headers["content-type"] == "application/problem+json":
        return body["status"] == answer.status_code and bool(body["title"])
    return body["resourceType"] == "OperationOutcome" and all(each["diagnostics"] for each in body["issue"])


def test_every_route_is_for_somebody_and_nothing_is_served_beside(tmp_path: Path, house: House) -> None:
    served = {(name, route) for name, service in house.services.items() for route in real_routes(service)}

    assert served == set(DOORS)


async def refusals(house: House, made: Made) -> dict[int, Refusals]:
    """Every door that is not open, tried with everything that does not open it."""
    found: dict[int, Refusals] = {401: [], 403: []}
    for door in doors("referrer", "staff", "payer"):
        for why, headers in strangers().items():
            found[401].append((f"{door} {why}", await visit(house, door, made, headers)))
        for why, headers in shut_out().items():
            found[403].append((f"{door} {why}", await visit(house, door, made, headers)))
    for door in doors("staff", "payer"):
        for who in others(door):
            found[403].append((f"{door} {who}", await visit(house, door, made, bearing(KEYS[who]))))
            found[403].append((f"{door} {who}'s token", await visit(house, door, made, bearing(token(who)))))
        mine = bearing(token("garden-health" if DOORS[door] == "payer" else "agency"))
        found[403].append((f"{door} a token for what asks for a key", await visit(house, door, made, mine)))
    for door in doors("referrer"):
        found[403].append((f"{door} for something else", await visit(house, door, made, bearing(all_but(door[1])))))
    for door in doors("provider"):
        for why, headers in (strangers() | shut_out()).items():
            if "x-inbound-secret" not in headers:
                found[401].append((f"{door} {why}", await visit(house, door, made, headers)))
        for secret in ("", SECRET[:-1], SECRET + "x", SECRET.upper()):
            answer = await visit(house, door, made, {"x-inbound-secret": secret})
            found[401].append((f"{door} {secret}", answer))
    return found


def others(door: tuple[str, str]) -> list[str]:
    """The organisations whose part in the programme is another."""
    part = "payer" if DOORS[door] == "payer" else "agency"
    return [each for each, kind in KINDS.items() if kind != part and each != SUSPENDED]


async def test_more_than_five_hundred_requests_are_refused_and_change_nothing(house: House, made: Made) -> None:
    before = await house.everything()

    found = await refusals(house, made)

    refused = [(status, *each) for status, some in found.items() for each in some]
    assert [(why, answer.status_code) for status, why, answer in refused if answer.status_code != status] == []
    assert [why for _, why, answer in refused if not gives_nothing_away(answer, made)] == []
    assert len(refused) >= AT_LEAST
    assert await house.everything() == before


OWNED = [
    *(("referrals", each) for each in SCOPES if "_id}" in each),
    ("matching", "GET /supporters/{supporter_id}"),
    ("matching", "POST /offers/{offer_id}/answer"),
]
"""Routes to one thing that belongs to one organisation."""


def neighbours(door: tuple[str, str]) -> list[str]:
    """Organisations that may come to a door, but own nothing behind it."""
    owner = "agency" if door[0] == "matching" else "general-hospital"
    staff_too = door[1].endswith("/timeline")
    wanted = [each for each in KINDS if each not in (owner, SUSPENDED)]
    if DOORS[door] == "staff":
        return [each for each in wanted if KINDS[each] == "agency"]
    return [each for each in wanted if not (staff_too and KINDS[each] == "agency")]


async def test_what_belongs_to_others_is_answered_like_what_is_not_there(house: House, made: Made) -> None:
    before, tried = await house.everything(), 0
    for door in OWNED:
        for who in neighbours(door):
            tokened = [bearing(token(who))] if DOORS[door] == "referrer" else []
            for headers in (bearing(KEYS[who]), *tokened):
                theirs = await visit(house, door, made, headers)
                nowhere = await visit(house, door, made, headers, **dict.fromkeys(made.ids, nobodys_id()))

                tried += 1
                assert theirs.status_code == 404, (door, who, theirs.text)
                assert (theirs.content, theirs.headers) == (nowhere.content, nowhere.headers), (door, who)
                assert gives_nothing_away(theirs, made), (door, who)

    assert tried >= 100
    assert await house.everything() == before


LISTS = [("referrals", each) for each in ("/fhir/Task", "/fhir/ServiceRequest", "/fhir/Subscription")]


async def test_no_search_finds_what_belongs_to_others(house: House, made: Made) -> None:
    ids = [made.ids["referral_id"], made.ids["subscription_id"]]
    for who in [each for each in KINDS if each not in ("general-hospital", "agency", SUSPENDED)]:
        for service, path in LISTS:
            for query in ("", f"?_id={','.join(ids)}", "?status=accepted,active,requested"):
                found = await house.ask(service, "GET", path + query, headers=bearing(KEYS[who]))
                assert (found.status_code, found.json().get("entry", [])) == (200, []), (who, path, query)
        status = await house.ask(
            "referrals", "GET", f"/fhir/Subscription/$status?id={ids[1]}", headers=bearing(KEYS[who])
        )
        assert status.json().get("entry", []) == []
    for path in ("/supporters", "/offers"):
        assert (await house.ask("matching", "GET", path, headers=bearing(KEYS["other-agency"]))).json() == []


async def test_a_link_that_is_not_ones_own_leads_nowhere(house: House, made: Made) -> None:
    link = made.ids["link"]
    wrong = [
        "x",
        link[:-1],
        link + "A",
        link.swapcase(),
        made.ids["referral_id"],
        "A" * len(link),
        "..",
        "%00",
        link[::-1],
    ]
    before = await house.everything()
    for door in doors("link"):
        for each in wrong:
            answer = await visit(house, door, made, bearing(KEYS["agency"]), link=each)
            assert answer.status_code == 404, (door, each)
            assert not TELLING.search(answer.text)
        assert (await visit(house, door, made, {}, link=link)).status_code in (200, 303)
        assert (await house.everything() == before) is door[1].startswith("GET")


async def test_a_way_that_was_not_given_to_anybody_leads_nowhere(house: House, made: Made) -> None:
    way, link = made.ids["way"], made.ids["link"]
    before = await house.everything()
    for door in doors("way"):
        for each in ("x", way[:-1], way + "A", way.swapcase(), link, made.ids["entry_id"], "A" * len(way), "%00"):
            answer = await visit(house, door, made, bearing(KEYS["agency"]), way=each)
            assert (answer.status_code, answer.headers.get("location")) == (404, None), (door, each)
            assert not TELLING.search(answer.text)
        assert await house.everything() == before
        led = await visit(house, door, made, {})
        assert (led.status_code, led.headers["location"]) == (303, "https://www.example.org/tuesdays")


NOTHING_THERE = re.compile(
    r"_id}/(screening|acknowledgement|details|contact|clock|closure|pointers|done|identity)|/letters/|rest:path"
)
"""Routes whose caller has the right, and finds that nothing waits for it."""
SUBSCRIBING = {"POST /fhir/Subscription", "PUT /fhir/Subscription/{subscription_id}"}
"""Who subscribes must be allowed to read what they are called about, too."""

RIGHT = {"referrer": "general-hospital", "staff": "agency", "payer": "garden-health"}


async def test_whoever_has_the_right_is_let_in(house: House, made: Made) -> None:
    # What is deleted comes last: it is asked for before.
    for door in sorted([*doors(*RIGHT), *doors("provider")], key=lambda each: each[1].startswith("DELETE")):
        whom = DOORS[door]
        headers = {"x-inbound-secret": SECRET} if whom == "provider" else bearing(KEYS[RIGHT[whom]])

        answer = await visit(house, door, made, headers)

        nothing_there = NOTHING_THERE.search(door[1]) and answer.status_code in (404, 409, 422)
        assert answer.status_code < 300 or nothing_there, (door, answer.status_code, answer.text)


async def test_what_is_for_anybody_asks_for_nothing(house: House, made: Made) -> None:
    for door in doors("anybody"):
        answer = await visit(house, door, made, {})

        assert answer.status_code not in (401, 403), (door, answer.status_code, answer.text)


async def test_a_token_for_just_this_is_let_in(house: House, made: Made) -> None:
    for route, scope in SCOPES.items():
        answer = await visit(house, ("referrals", route), made, bearing(token("general-hospital", f"system/{scope}")))

        assert answer.status_code != 401, route
        assert (answer.status_code == 403) is (route in SUBSCRIBING), route
