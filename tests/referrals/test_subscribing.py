"""An organisation subscribes, and reads, changes and ends what it asked for: its own, and with no secret in it."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from services.referrals.rules.subscriptions import AT_MOST
from services.referrals.store import subscriptions_of
from shared.clock import real
from shared.tokens import LIVES, Access, issue
from tests.referrals.endpoints import BACKPORT, TOPIC, extension, parameter, subscribed, subscription
from tests.referrals.makers import Desk

FILTERED = {"extension": [extension("filter-criteria", valueString="Task?x=1")]}
URL = "https://hooks.hospital.example/fhir?key=1"


async def refused(desk: Desk, body: Any, **rest: Any) -> tuple[int, str, str]:
    """What a Subscription that is not taken is answered with: status, code, and the element's path."""
    answer = await desk.refer(body, path="/fhir/Subscription", **rest)
    issue = answer.json()["issue"][0]
    return answer.status_code, issue["code"], issue["expression"][0]


async def kept(desk: Desk, **rest: Any) -> list[dict[str, Any]]:
    """The subscriptions that an organisation finds."""
    found = (await desk.ask("GET", "/fhir/Subscription", **rest)).json()
    # FHIR knows no empty list.
    assert found.get("entry") != []
    entries = found.get("entry", [])
    assert (found["type"], found["total"]) == ("searchset", len(entries))
    return [each["resource"] for each in entries]


async def test_a_subscription_reads_back_as_it_was_asked_for_without_its_secrets(desk: Desk) -> None:
    asked = subscription(URL, beat=600, end="2026-12-31T00:00:00Z")

    answer = await desk.refer(asked, path="/fhir/Subscription")

    fresh = answer.json()
    assert answer.headers["location"] == f"/fhir/Subscription/{fresh['id']}"
    read = await desk.ask("GET", f"/fhir/Subscription/{fresh['id']}")
    assert read.json() == fresh
    assert read.headers["etag"] == answer.headers["etag"]
    assert "error" not in fresh
    for name in ("status", "reason", "criteria"):
        assert fresh[name] == asked[name]
    assert fresh["end"] == "2026-12-31T00:00:00.000Z"
    for name in ("type", "endpoint", "payload", "_payload"):
        assert fresh["channel"][name] == asked["channel"][name]
    assert asked["channel"]["extension"][0] in fresh["channel"]["extension"]
    assert fresh["channel"]["header"] == ["Authorization: ********"]


async def test_what_lets_us_in_at_an_endpoint_is_sealed_in_the_store(desk: Desk) -> None:
    await subscribed(desk, subscription(URL))

    async with desk.service.database.reading() as db:
        row = (await db.execute(text("select * from subscriptions"))).one()

    assert [each for each in ("hooks.hospital", "a-secret-of-theirs", "To hear") if each in str(tuple(row))] == []


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"content": "full-resource"}, "not-supported", "channel.payload.extension"),
        ({"content": "everything"}, "required", "channel.payload.extension"),
        ({"content": None}, "required", "channel.payload.extension"),
        ({"payload": "application/fhir+xml"}, "not-supported", "channel.payload"),
        ({"payload": None}, "not-supported", "channel.payload"),
        ({"type": "websocket"}, "not-supported", "channel.type"),
        ({"type": "email"}, "not-supported", "channel.type"),
        ({"endpoint": None}, "value", "channel.endpoint"),
        ({"endpoint": "https://169.254.169.254/"}, "value", "channel.endpoint"),
        ({"endpoint": "http://hooks.hospital.example/"}, "value", "channel.endpoint"),
        ({"header": ["A: b", "X-Key: a\r\nHost: inner"]}, "value", "channel.header[1]"),
        ({"header": ["Host: inner"]}, "value", "channel.header[0]"),
        ({"header": ["Authorization: ********"]}, "value", "channel.header[0]"),
        ({"header": ["X-Key: a", "x-key: b"]}, "value", "channel.header[1]"),
        ({"header": [f"X-{each}: a" for each in range(11)]}, "too-long", "channel.header"),
        ({"beat": 5}, "value", "channel.extension[0]"),
        ({"extension": [extension("timeout", valueUnsignedInt=60)]}, "value", "channel.extension[0]"),
        ({"extension": [extension("max-count", valuePositiveInt=0)]}, "value", "channel.extension[0]"),
        ({"criteria": "Task?status=completed"}, "not-supported", "criteria"),
        ({"_criteria": FILTERED}, "not-supported", "criteria.extension"),
        ({"status": "active"}, "value", "status"),
        ({"status": "on"}, "code-invalid", "status"),
        ({"reason": None}, "required", "reason"),
        ({"channel": None}, "required", "channel"),
        ({"end": "2020-01-01T00:00:00Z"}, "value", "end"),
        ({"end": "tomorrow"}, "value", "end"),
    ],
)  # fmt: skip
async def test_what_is_not_offered_is_refused_with_its_place(
    small: Desk, changes: dict[str, Any], code: str, path: str
) -> None:
    told = await refused(small, subscription(**{"url": URL, **changes}))

    assert told == (422, code, f"Subscription.{path}")
    assert await kept(small) == []


async def test_a_refusal_never_repeats_what_was_sent(small: Desk) -> None:
    spoiled = subscription("https://user:hidden@hooks.example/", header=["X-Key: hidden\r\nX: y"])

    answer = await small.refer(spoiled, path="/fhir/Subscription")

    assert answer.status_code == 422
    assert "hidden" not in answer.text


@pytest.mark.parametrize(
    ("raw", "status", "path"),
    [
        (b'{"resourceType": "Subscription",', 400, "$"),
        (b"[]", 400, "$"),
        (b'{"resourceType": "Task"}', 422, "resourceType"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', 413, "$"),
    ],
)
async def test_what_is_no_subscription_is_refused(small: Desk, raw: bytes, status: int, path: str) -> None:
    answer = await small.refer(raw, path="/fhir/Subscription")

    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (status, [path])


async def test_another_organisations_subscription_is_not_there(desk: Desk) -> None:
    mine = (await subscribed(desk, subscription(URL)))["id"]

    answers = [
        await desk.ask("GET", f"/fhir/Subscription/{mine}", who="silent-centre"),
        await desk.ask("GET", f"/fhir/Subscription/{mine}/$status", who="silent-centre"),
        await desk.refer(subscription(URL), method="PUT", path=f"/fhir/Subscription/{mine}", who="silent-centre"),
        await desk.ask("DELETE", f"/fhir/Subscription/{mine}", who="silent-centre"),
        await desk.ask("GET", "/fhir/Subscription/none", who="silent-centre"),
    ]
    everybodys = await desk.ask("GET", "/fhir/Subscription/$status", who="silent-centre")

    assert [each.status_code for each in answers] == [404] * 5
    assert len({each.text for each in answers}) == 1
    assert everybodys.json()["total"] == len(await kept(desk, who="silent-centre")) == 0
    assert [each["id"] for each in await kept(desk)] == [mine]


async def test_an_organisation_has_as_many_as_it_may_and_no_more(desk: Desk) -> None:
    mine = [(await subscribed(desk, subscription(f"{URL}&n={each}")))["id"] for each in range(AT_MOST)]

    assert await refused(desk, subscription(URL)) == (422, "business-rule", "Subscription")
    await subscribed(desk, subscription(URL), who="silent-centre")
    gone = await desk.ask("DELETE", f"/fhir/Subscription/{mine[0]}")
    again = await desk.ask("GET", f"/fhir/Subscription/{mine[0]}")
    await subscribed(desk, subscription(URL))

    assert (gone.status_code, again.status_code) == (204, 404)
    assert len(await kept(desk)) == AT_MOST


async def test_finds_subscriptions_by_status_and_url_and_tells_how_they_stand(small: Desk) -> None:
    one = await subscribed(small, subscription(URL))
    two = await subscribed(small, subscription(URL + "2"))
    await small.refer({**two, "status": "off"}, method="PUT", path=f"/fhir/Subscription/{two['id']}")

    found = [
        [each["id"] for each in await kept(small, params=query)]
        for query in ({"status": "requested"}, {"status": "off,active"}, {"url": URL + "2"}, {"_id": one["id"]})
    ]
    strange = await small.ask("GET", "/fhir/Subscription?contact=x")
    status = (await small.ask("GET", f"/fhir/Subscription/{one['id']}/$status")).json()
    offs = (await small.ask("GET", "/fhir/Subscription/$status?status=off")).json()

    assert found == [[one["id"]], [two["id"]], [two["id"]], [one["id"]]]
    assert (strange.status_code, strange.json()["issue"][0]["expression"]) == (400, ["query contact"])
    (entry,) = status["entry"]
    assert (status["type"], entry["resource"]["resourceType"]) == ("searchset", "Parameters")
    told = {each["name"]: each for each in entry["resource"]["parameter"]}
    assert told["subscription"]["valueReference"]["reference"].endswith(f"/fhir/Subscription/{one['id']}")
    assert (told["type"]["valueCode"], told["status"]["valueCode"]) == ("query-status", "requested")
    assert told["topic"]["valueCanonical"] == TOPIC
    assert told["events-since-subscription-start"]["valueString"] == "0"
    assert [parameter({"entry": [each]}, "status") for each in offs["entry"]] == ["off"]


async def changed(desk: Desk, body: dict[str, Any], **headers: str) -> Any:
    """The answer to a Subscription that is sent back with something changed."""
    return await desk.refer(body, method="PUT", path=f"/fhir/Subscription/{body['id']}", headers=headers)


async def header_of(desk: Desk, one: str) -> Any:
    """What the store keeps of a subscription's headers."""
    async with desk.service.database.reading() as db:
        (found,) = [each for each in await subscriptions_of(db, "general-hospital") if str(each.subscription_id) == one]
    return found.wanted.headers


async def test_a_hidden_header_that_is_sent_back_means_what_it_was_for_the_same_endpoint_only(small: Desk) -> None:
    mine = await subscribed(small, subscription(URL))

    same = await changed(small, mine | {"reason": "Another reason"})
    moved = await changed(small, mine | {"channel": mine["channel"] | {"endpoint": "https://elsewhere.example/"}})

    assert (same.status_code, same.json()["reason"]) == (200, "Another reason")
    assert await header_of(small, mine["id"]) == {"Authorization": "Bearer a-secret-of-theirs"}
    assert (moved.status_code, moved.json()["issue"][0]["expression"]) == (422, ["Subscription.channel.header[0]"])
    assert (await kept(small))[0]["channel"]["endpoint"] == URL


async def test_a_change_of_another_version_or_of_another_one_is_refused(small: Desk) -> None:
    mine = await subscribed(small, subscription(URL))

    stale = await changed(small, mine, **{"if-match": 'W/"0123456789abcdef"'})
    other = await small.refer(mine | {"id": "another"}, method="PUT", path=f"/fhir/Subscription/{mine['id']}")

    assert (stale.status_code, other.status_code) == (412, 400)


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (("system/Subscription.cruds", "system/Task.r"), {"subscribe", "read", "search", "status", "delete"}),
        (("system/Subscription.rs",), {"read", "search", "status"}),
        (("system/Subscription.c",), set()),
        (("system/Task.cruds", "system/ServiceRequest.cruds"), set()),
    ],
)
async def test_a_token_does_with_subscriptions_what_it_is_for(
    small: Desk, scopes: tuple[str, ...], may: set[str]
) -> None:
    mine = (await subscribed(small, subscription(URL)))["id"]
    token = issue(Access("general-hospital", scopes, real() + LIVES))
    headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}

    asked = {
        "subscribe": ("POST", "/fhir/Subscription", json.dumps(subscription(URL))),
        "read": ("GET", f"/fhir/Subscription/{mine}", None),
        "search": ("GET", "/fhir/Subscription", None),
        "status": ("GET", f"/fhir/Subscription/{mine}/$status", None),
        "delete": ("DELETE", f"/fhir/Subscription/{mine}", None),
    }
    answers = {
        name: await small.ask(method, path, headers=headers, content=body)
        for name, (method, path, body) in asked.items()
    }

    assert {name for name, each in answers.items() if each.status_code != 403} == may


async def test_the_topic_is_readable_and_listed_in_what_it_can_do(small: Desk) -> None:
    capable = (await small.http.get("/fhir/metadata")).json()["rest"][0]["resource"]
    topic = (await small.http.get("/fhir/SubscriptionTopic/referral-status")).json()

    (told,) = [each for each in capable if each["type"] == "Subscription"]
    (listed,) = told["extension"]
    assert listed["url"].endswith("/capabilitystatement-subscriptiontopic-canonical")
    assert listed["valueCanonical"] == topic["url"] == TOPIC
    assert told["supportedProfile"] == [BACKPORT + "subscription"]
    assert {each["code"] for each in told["interaction"]} == {"create", "read", "update", "delete", "search-type"}
