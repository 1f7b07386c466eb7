"""A hospital that subscribed hears by a call what the status stream says: in order, once in truth, and no more."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from services.referrals.rules.subscriptions import GONE
from services.referrals.store.tables import subscription_events
from shared import clock
from shared.database import Database
from shared.events.referrals import ReferralAccepted
from shared.mailbox import Ingested
from tests.referrals.endpoints import (
    Endpoint,
    endpoint,
    extension,
    next_due,
    parameter,
    settle,
    subscribed,
    subscription,
    until,
)
from tests.referrals.makers import NOW, Desk, desk_on, patient, request
from tests.referrals.test_following import facts


@pytest.fixture
async def hook() -> AsyncIterator[Endpoint]:
    """The hospital's endpoint."""
    async with endpoint() as listening:
        yield listening


@pytest.fixture
async def desk(database: Database, tmp_path: Path, hook: Endpoint) -> AsyncIterator[Desk]:
    """A desk that may call the hospital's endpoint."""
    clock.step_to(NOW)
    inside = {each: [hook.url] for each in ("general-hospital", "silent-centre")}
    async with desk_on(database, tmp_path, hook_origins=inside, public_url="https://alongside.test") as opened:
        yield opened


async def status_of(desk: Desk, one: str, who: str = "general-hospital") -> tuple[str, str, str | None]:
    """How a subscription stands: its status, its events, and the error that is told."""
    told = (await desk.ask("GET", f"/fhir/Subscription/{one}/$status", who=who)).json()
    read = (await desk.ask("GET", f"/fhir/Subscription/{one}", who=who)).json()
    assert parameter({"entry": told["entry"]}, "status") == read["status"]
    return read["status"], parameter(told, "events-since-subscription-start"), read.get("error")


async def open_events(desk: Desk) -> int:
    """How much is still to be told."""
    async with desk.service.database.reading() as db:
        return await db.scalar(select(func.count()).select_from(subscription_events)) or 0


def kinds(hook: Endpoint) -> list[str]:
    """What kinds of calls there were."""
    return [kind for kind, _, _ in hook.told()]


async def test_begins_with_a_handshake_and_then_tells_each_step_in_order(desk: Desk, hook: Endpoint) -> None:
    mine = (await subscribed(desk, subscription(hook.url + "fhir?site=3")))["id"]
    before = await status_of(desk, mine)
    await settle(desk)
    after = await status_of(desk, mine)

    referral_id = await desk.referred(request())
    await settle(desk)
    said = facts((await desk.said(ReferralAccepted))[0])
    for each in said.values():
        await desk.hear(each)
        await settle(desk)

    assert (before, after) == (("requested", "0", None), ("active", "0", None))
    told = await desk.told()
    assert len(told) == 8
    steps = [("event-notification", [number], [referral_id]) for number in range(1, len(told) + 1)]
    assert hook.told() == [("handshake", [], []), *steps]
    assert await status_of(desk, mine) == ("active", str(len(told)), None)
    assert await open_events(desk) == 0
    assert all("POST /fhir?site=3 HTTP/1.1" in each for each in hook.heads)
    assert all("Authorization: Bearer a-secret-of-theirs" in each for each in hook.heads)
    assert all("Content-Type: application/fhir+json" in each for each in hook.heads)


async def test_a_notification_is_what_the_backport_says_and_holds_ids_only(desk: Desk, hook: Endpoint) -> None:
    mine = (await subscribed(desk, subscription(hook.url)))["id"]
    await settle(desk)
    referral_id = await desk.referred(request())
    await settle(desk)

    shake, told = hook.taken
    base = "https://alongside.test/fhir"
    assert (told["resourceType"], told["type"]) == ("Bundle", "history")
    first, task = told["entry"]
    assert first["request"] == {"method": "GET", "url": f"{base}/Subscription/{mine}/$status"}
    assert first["fullUrl"] == f"urn:uuid:{first['resource']['id']}"
    assert first["resource"]["resourceType"] == "Parameters"
    assert parameter(told, "subscription") == {"reference": f"{base}/Subscription/{mine}"}
    assert (parameter(shake, "status"), parameter(told, "status")) == ("requested", "active")
    assert parameter(told, "events-since-subscription-start") == "1"
    assert task == {
        "fullUrl": f"{base}/Task/{referral_id}",
        "request": {"method": "PUT", "url": f"Task/{referral_id}"},
        "response": {"status": "200"},
    }
    assert "accepted" not in str(told) and "M-1" not in str(told) and "Ana" not in str(told)


async def test_an_empty_notification_names_no_task(desk: Desk, hook: Endpoint) -> None:
    await subscribed(desk, subscription(hook.url, content="empty"))
    await settle(desk)
    referral_id = await desk.referred(request())
    await settle(desk)

    assert hook.told()[1:] == [("event-notification", [1], [])]
    assert referral_id not in str(hook.taken)
    assert len(hook.taken[1]["entry"]) == 1


async def test_without_consent_nothing_is_told_that_the_status_does_not_say(desk: Desk, hook: Endpoint) -> None:
    silent = (await subscribed(desk, subscription(hook.url), who="silent-centre"))["id"]
    await settle(desk)
    await desk.referred(request(), who="silent-centre")
    await settle(desk)

    await desk.hear(*facts((await desk.said(ReferralAccepted))[0]).values())
    await settle(desk)

    assert len(await desk.told("silent-centre")) == 1
    assert kinds(hook) == ["handshake", "event-notification"]
    assert await status_of(desk, silent, "silent-centre") == ("active", "1", None)


async def test_of_a_protected_person_and_after_a_consent_ends_events_are_those_of_the_status(
    desk: Desk, hook: Endpoint
) -> None:
    await subscribed(desk, subscription(hook.url))
    await settle(desk)
    alcohol = [{"coding": [{"code": "7200002"}]}]
    await desk.referred(request(reasonCode=alcohol))
    plain = await desk.referred(request("R-2", contained=[patient(identifier=None)]))
    for accepted in await desk.said(ReferralAccepted):
        said = facts(accepted)
        await desk.hear(said["offer"], said["match"])
        await settle(desk)
    await desk.ask("POST", f"/referrals/{plain}/consent-revoked", who="agency", json={"by": "Kim"})
    await desk.hear(facts((await desk.said(ReferralAccepted))[1])["series"])
    await settle(desk)

    heard = [each for _, _, ids in hook.told() for each in ids]
    assert heard == [each["id"] for each in await desk.told()]
    assert heard.count(plain) == 3


async def test_what_cannot_be_read_on_the_bus_is_no_event(desk: Desk, hook: Endpoint) -> None:
    await subscribed(desk, subscription(hook.url))
    await settle(desk)

    await desk.post_on_bus(b"{")
    await settle(desk)

    assert (await desk.told())[-1]["resourceType"] == "OperationOutcome"
    assert kinds(hook) == ["handshake"]


async def test_another_organisations_referrals_are_never_told(desk: Desk, hook: Endpoint) -> None:
    await subscribed(desk, subscription(hook.url))
    await settle(desk)

    await desk.referred(request(), who="silent-centre")
    await settle(desk)

    assert kinds(hook) == ["handshake"]
    assert await open_events(desk) == 0


async def test_of_posts_that_are_taken_in_together_each_organisation_is_told_its_own(
    desk: Desk, hook: Endpoint
) -> None:
    both = ("general-hospital", "silent-centre")
    for who in both:
        await subscribed(desk, subscription(hook.url + who), who=who)
    await settle(desk)
    raw = json.dumps(request()).encode()

    await desk.hear(*(Ingested(who, "referral", raw, "", str(uuid4())) for who in both))
    await settle(desk)

    calls = zip(hook.heads, hook.told(), strict=True)
    told = [(who, ids) for head, (_, _, ids) in calls for who in both if ids and f"POST /{who} " in head]
    assert sorted(told) == [(who, [(await desk.told(who))[0]["id"]]) for who in both]


async def test_a_heartbeat_comes_when_nothing_was_said_for_as_long_as_was_asked(desk: Desk, hook: Endpoint) -> None:
    await subscribed(desk, subscription(hook.url, beat=600))
    await until(desk, NOW + timedelta(seconds=599))
    quiet = kinds(hook)
    await until(desk, NOW + timedelta(seconds=900))
    await desk.referred(request())
    await until(desk, NOW + timedelta(seconds=900 + 599))
    after_an_event = kinds(hook)
    await until(desk, NOW + timedelta(seconds=900 + 600))

    assert quiet == ["handshake"]
    assert after_an_event == ["handshake", "heartbeat", "event-notification"]
    assert kinds(hook)[3:] == ["heartbeat"]
    assert parameter(hook.taken[-1], "events-since-subscription-start") == "1"


async def test_without_a_period_nothing_is_said_while_nothing_happens(desk: Desk, hook: Endpoint) -> None:
    await subscribed(desk, subscription(hook.url))

    await until(desk, NOW + timedelta(days=30))

    assert kinds(hook) == ["handshake"]
    assert await next_due(desk) is None


@pytest.mark.parametrize("behaviour", [500, 302, "drop"])
async def test_a_failing_endpoint_is_called_again_after_growing_pauses_and_misses_nothing(
    desk: Desk, hook: Endpoint, behaviour: int | str
) -> None:
    mine = (await subscribed(desk, subscription(hook.url)))["id"]
    await settle(desk)
    hook.behaviour = behaviour
    first, second = await desk.referred(request()), await desk.referred(request("R-2"))
    await settle(desk)
    failing = await status_of(desk, mine)
    third = await desk.referred(request("R-3"))
    await settle(desk)
    tries = [len(hook.taken)]
    for seconds in (9, 10, 39, 40, 159, 160):
        await until(desk, NOW + timedelta(seconds=seconds))
        tries.append(len(hook.taken))
    hook.behaviour = 200
    await until(desk, NOW + timedelta(seconds=760))

    assert failing == ("error", "2", "The endpoint could not be reached, or did not answer with success.")
    assert tries == [2, 2, 3, 3, 4, 4, 5]
    failed = hook.told()[1:5]
    assert failed == [failed[0]] * 4 and failed[0][1] == [1, 2]
    assert hook.told()[5:] == [
        ("event-notification", [1, 2], [first, second]),
        ("event-notification", [3], [third]),
    ]
    assert await status_of(desk, mine) == ("active", "3", None)
    assert await open_events(desk) == 0


async def test_a_handshake_that_fails_is_an_error_until_it_is_taken(desk: Desk, hook: Endpoint) -> None:
    hook.behaviour = 401
    mine = (await subscribed(desk, subscription(hook.url)))["id"]
    await settle(desk)
    failing = await status_of(desk, mine)
    await desk.referred(request())
    await settle(desk)
    hook.behaviour = 200
    await until(desk, NOW + timedelta(seconds=10))

    assert failing[0] == "error"
    assert kinds(hook) == ["handshake", "handshake", "event-notification"]
    assert (await status_of(desk, mine))[0] == "active"


async def test_an_endpoint_that_is_gone_for_three_days_is_left_alone_and_somebody_is_asked(
    desk: Desk, hook: Endpoint
) -> None:
    mine = await subscribed(desk, subscription(hook.url))
    await settle(desk)
    hook.behaviour = 503
    await desk.referred(request())
    await until(desk, NOW + GONE - timedelta(seconds=1))
    shortly_before = await status_of(desk, mine["id"])
    await until(desk, NOW + GONE)
    off, calls = await status_of(desk, mine["id"]), len(hook.taken)
    await desk.referred(request("R-2"))
    await until(desk, NOW + GONE * 2)

    assert (shortly_before[0], off[:2]) == ("error", ("off", "1"))
    assert len(hook.taken) == calls < 90
    assert await open_events(desk) == 0 and await next_due(desk) is None
    (asked,) = [each for each in await desk.work() if each.kind == "subscription_gone"]
    assert (asked.about, asked.owner) == (mine["id"], "intake")


async def test_who_was_off_comes_back_with_a_handshake_and_numbers_that_show_the_gap(
    desk: Desk, hook: Endpoint
) -> None:
    mine = await subscribed(desk, subscription(hook.url))
    path = f"/fhir/Subscription/{mine['id']}"
    await settle(desk)
    hook.behaviour = 503
    await desk.referred(request())
    await settle(desk)
    await desk.referred(request("R-2"))
    off = await desk.refer({**mine, "status": "off"}, method="PUT", path=path)
    hook.behaviour = 200
    await until(desk, NOW + GONE)
    while_off = len(hook.taken)
    await desk.refer({**mine, "status": "requested"}, method="PUT", path=path)
    third = await desk.referred(request("R-3"))
    await settle(desk)

    assert off.json()["status"] == "off"
    assert while_off == 2
    assert hook.told()[2:] == [("handshake", [], []), ("event-notification", [3], [third])]
    assert (await status_of(desk, mine["id"]))[:2] == ("active", "3")


async def test_a_subscription_is_off_at_the_end_that_was_asked_for(desk: Desk, hook: Endpoint) -> None:
    end = NOW + timedelta(days=2)
    mine = (await subscribed(desk, subscription(hook.url, end=end.isoformat())))["id"]
    await until(desk, end - timedelta(seconds=1))
    before = await status_of(desk, mine)
    await until(desk, end)
    await desk.referred(request())
    await settle(desk)

    assert (before[0], (await status_of(desk, mine))[0]) == ("active", "off")
    assert kinds(hook) == ["handshake"]


async def test_who_ended_their_subscription_is_not_called_any_more(desk: Desk, hook: Endpoint) -> None:
    mine = (await subscribed(desk, subscription(hook.url)))["id"]
    await settle(desk)
    await desk.referred(request())

    gone = await desk.ask("DELETE", f"/fhir/Subscription/{mine}")
    await settle(desk)

    assert gone.status_code == 204
    assert kinds(hook) == ["handshake"]
    assert await open_events(desk) == 0


async def test_many_events_are_told_in_calls_of_as_many_as_the_subscriber_takes(desk: Desk, hook: Endpoint) -> None:
    most = extension("max-count", valuePositiveInt=3)
    await subscribed(desk, subscription(hook.url, extension=[most]))
    await settle(desk)
    ids = [await desk.referred(request(f"R-{each}")) for each in range(8)]
    await settle(desk)

    assert [numbers for _, numbers, _ in hook.told()[1:]] == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert [each for _, _, some in hook.told()[1:] for each in some] == ids


async def test_two_subscriptions_of_one_organisation_count_for_themselves(desk: Desk, hook: Endpoint) -> None:
    await subscribed(desk, subscription(hook.url + "one"))
    await settle(desk)
    await desk.referred(request())
    await settle(desk)
    await subscribed(desk, subscription(hook.url + "two"))
    await settle(desk)
    await desk.referred(request("R-2"))
    await settle(desk)

    places = [head.split(" ")[1] for head in hook.heads]
    numbers = {
        place: [told[1] for at, told in zip(places, hook.told(), strict=True) if at == place] for place in places
    }
    assert numbers == {"/one": [[], [1], [2]], "/two": [[], [1]]}


async def test_a_process_that_died_while_calling_makes_the_same_call_again(desk: Desk, hook: Endpoint) -> None:
    await subscribed(desk, subscription(hook.url))
    await settle(desk)
    await desk.referred(request())
    await desk.service.mailbox.timers.once()
    (one,) = await desk.service.mailbox.errands._set_out()
    await one.outside.call(one.fact, one.trip)
    await desk.referred(request("R-2"))

    await settle(desk)

    _, lost, again, _ = hook.taken
    assert lost["id"] == again["id"] and lost["entry"] == again["entry"]
    assert [numbers for _, numbers, _ in hook.told()] == [[], [1], [1], [2]]


async def test_a_change_meanwhile_makes_a_call_that_was_intended_void(desk: Desk, hook: Endpoint) -> None:
    mine = await subscribed(desk, subscription(hook.url))
    await settle(desk)
    referral_id = await desk.referred(request())
    await desk.service.mailbox.timers.once()
    path, channel = f"/fhir/Subscription/{mine['id']}", {**mine["channel"], "endpoint": hook.url + "new", "header": []}
    await desk.refer({**mine, "channel": channel}, method="PUT", path=path)

    await settle(desk)

    assert hook.told()[1:] == [("handshake", [], []), ("event-notification", [1], [referral_id])]
    assert ["POST /new" in each for each in hook.heads] == [False, True, True]


async def test_events_that_arrive_side_by_side_are_counted_without_a_gap(desk: Desk, hook: Endpoint) -> None:
    mine = (await subscribed(desk, subscription(hook.url)))["id"]
    await settle(desk)

    ids = await asyncio.gather(*(desk.referred(request(f"R-{each}", contained=[stranger()])) for each in range(20)))
    await settle(desk)

    assert [each for _, numbers, _ in hook.told() for each in numbers] == list(range(1, 21))
    assert sorted(each for _, _, some in hook.told() for each in some) == sorted(ids)
    assert await status_of(desk, mine) == ("active", "20", None)


def stranger() -> dict[str, Any]:
    """Somebody of their own."""
    return patient(identifier=[{"system": "urn:hospital:mrn", "value": str(uuid4())}])


async def test_nothing_of_a_call_reaches_the_log_but_ids(
    desk: Desk, hook: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    hook.behaviour = 500
    with caplog.at_level(logging.DEBUG):
        mine = (await subscribed(desk, subscription(hook.url + "a-secret-place")))["id"]
        await settle(desk)

    assert f"subscription {mine} 1: answered 500" in caplog.text
    assert "a-secret" not in caplog.text


async def test_who_is_suspended_is_not_called_and_hears_what_was_new_when_let_in_again(
    desk: Desk, hook: Endpoint
) -> None:
    await subscribed(desk, subscription(hook.url))
    await settle(desk)
    organisations = desk.service.programme.organisations
    one = organisations["general-hospital"]
    organisations["general-hospital"] = one.model_copy(update={"suspended": True})

    await desk.post_on_bus(request(), who="general-hospital")
    await until(desk, clock.now() + timedelta(hours=5))
    while_suspended = kinds(hook)
    organisations["general-hospital"] = one
    await until(desk, clock.now() + timedelta(hours=2))

    assert while_suspended == ["handshake"]
    assert kinds(hook)[:2] == ["handshake", "event-notification"]


async def test_an_address_inside_is_named_for_one_organisation_and_is_nobody_elses(desk: Desk, hook: Endpoint) -> None:
    refused = await desk.refer(subscription(hook.url), path="/fhir/Subscription", who="screening-clinic")

    assert refused.status_code == 422
    assert refused.json()["issue"][0]["expression"] == ["Subscription.channel.endpoint"]
