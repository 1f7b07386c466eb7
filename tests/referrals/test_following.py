"""A referrer follows a referral as far as the person's consent allows, and nobody follows another's."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.referrals.reading import OURS
from shared.events.matching import BridgeOffered, MatchMade, OfferMade, ReferralWaitlisted
from shared.events.referrals import ConsentRevoked, ReferralAccepted
from shared.events.scheduling import BookedSession, SeatHeld, SeatMissed, SeriesBooked, SeriesEnded
from tests.referrals.makers import NOW, Desk, consent, order, patient, request

VISIT = NOW.replace(day=5)


def session(**changes: Any) -> BookedSession:
    """The first visit."""
    plain = BookedSession(
        session_id=uuid4(),
        seat_id=uuid4(),
        starts_at=VISIT,
        ends_at=VISIT.replace(hour=18),
        local_start="2026-03-05T12:00",
        modality="video",
    )
    return plain.model_copy(update=changes)


def facts(accepted: ReferralAccepted) -> dict[str, Any]:
    """Everything other services say of a referral."""
    mine: dict[str, Any] = {"referral_id": accepted.referral_id, "person_id": accepted.person_id}
    visit: dict[str, Any] = mine | {"seat_id": uuid4(), "session_id": uuid4(), "series_id": uuid4()}
    place: dict[str, Any] = {"site_id": "main", "zone": "America/New_York"}
    return {
        "waitlisted": ReferralWaitlisted(**mine, reason="no_room"),
        "bridge": BridgeOffered(**mine, kind="warm_line", public_label="Evening line"),
        "offer": OfferMade(**mine, offer_id=uuid4(), offering_id=uuid4(), supporter_id=uuid4(), answer_by=NOW),
        "match": MatchMade(
            **mine,
            **place,
            match_id=uuid4(),
            offering_id=uuid4(),
            urgency="routine",
            modality="video",
            slots=[],
            made_at=NOW,
        ),
        "series": SeriesBooked(**mine, **place, series_id=uuid4(), match_id=uuid4(), sessions=[session()]),
        "first": SeatHeld(**visit, started_at=VISIT, minutes=55, first=True),
        "later": SeatHeld(**visit, started_at=VISIT, minutes=55, first=False),
        "missed": SeatMissed(**visit | {"seat_id": uuid4()}, in_a_row=1),
        "ended": SeriesEnded(**mine, series_id=uuid4(), match_id=uuid4(), kept=9, missed=1, cancelled=2),
    }


async def told_of(desk: Desk, who: str = "general-hospital") -> list[tuple[str, str]]:
    """Status and our code of everything an organisation was told."""
    return [(each["status"], each["businessStatus"]["coding"][0]["code"]) for each in await desk.told(who)]


async def searched(desk: Desk, referral_id: str) -> list[dict[str, Any]]:
    """What a referrer finds when they search for a referral."""
    found = (await desk.ask("GET", "/fhir/Task", params={"_id": referral_id})).json()
    return [each["resource"] for each in found["entry"]]


async def test_tells_each_step_once_where_the_person_agreed(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])

    for each in said.values():
        await desk.hear(each)
        await desk.hear(each)

    steps = await told_of(desk)
    assert steps == [
        ("accepted", "accepted"),
        ("accepted", "waitlisted"),
        ("accepted", "waitlisted"),
        ("accepted", "offered"),
        ("accepted", "matched"),
        ("in-progress", "first_scheduled"),
        ("in-progress", "engaged"),
        ("completed", "completed"),
    ]
    outputs = {each["type"]["text"]: each for each in (await desk.task(referral_id))["output"]}
    assert outputs["First visit"]["valueDateTime"] == "2026-03-05T17:00:00.000Z"
    assert outputs["Visits kept"]["valueInteger"] == 9


async def test_hears_services_in_any_order_and_never_goes_back(desk: Desk) -> None:
    await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])

    await desk.hear(said["first"], said["series"])
    await desk.hear(said["match"], said["offer"], said["waitlisted"])

    assert (await told_of(desk))[-1] == ("in-progress", "engaged")
    assert (await desk.figures())["referrals_matched"] == 1


async def test_tells_no_more_than_accepted_without_consent(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="silent-centre")
    said = facts((await desk.said(ReferralAccepted))[0])
    before = await desk.task(referral_id, who="silent-centre")

    await desk.hear(*said.values())

    assert await told_of(desk, "silent-centre") == [("accepted", "accepted")]
    assert await desk.task(referral_id, who="silent-centre") == before
    timeline = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who="silent-centre")).json()
    assert [each["what"] for each in timeline] == ["received", "accepted"]
    whole = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who="agency")).json()
    assert len(whole) > 8


async def test_tells_of_a_protected_person_only_that_they_are_connected(desk: Desk) -> None:
    alcohol = [{"coding": [{"code": "7200002"}]}]
    label = [{"code": "42CFRPart2"}]
    signed = consent(
        provision={"purpose": [{"code": "TREAT"}], "securityLabel": label}, category=[{"text": "Progress"}]
    )
    covered = await desk.referred(request(reasonCode=alcohol, contained=[patient(), signed]))
    general = await desk.referred(request("R-2", reasonCode=alcohol, contained=[patient(identifier=None), consent()]))

    shown = []
    for accepted in await desk.said(ReferralAccepted):
        for each in facts(accepted).values():
            await desk.hear(each)
            shown.append([await desk.task(covered), *await searched(desk, covered), *await searched(desk, general)])

    mine = [each for each in await desk.told() if each["id"] == covered]
    assert await told_of(desk) == [("accepted", "accepted")] * 2 + [("accepted", "connected")]
    task, listed, other = shown[-1]
    assert task == listed == mine[-1]
    assert task["businessStatus"]["text"] == "Connected with a peer service"
    assert task["note"][0]["text"].startswith("42 CFR part 2 prohibits") and "Progress" in task["note"][0]["text"]
    assert task["meta"]["security"][0]["code"] == "42CFRPart2" and "output" not in task
    assert [[each[0], each[1]] for each in shown if each[0] not in mine or each[1] not in mine] == []
    assert [each[2] for each in shown if each[2] != other] == []
    assert (other["status"], other["businessStatus"]["coding"][0]["code"]) == ("accepted", "accepted")


@pytest.mark.parametrize("challenge", ["alcohol", "opioids", "stimulants"])
async def test_protects_whoever_lives_with_substance_use_in_our_own_words_too(desk: Desk, challenge: str) -> None:
    words = order(needs={"challenges": ["depression", challenge]}).model_dump(mode="json", exclude_none=True)
    await desk.post_on_bus(words, media=OURS)
    (accepted,) = await desk.said(ReferralAccepted)

    await desk.hear(*facts(accepted).values())

    assert accepted.part2
    assert await told_of(desk) == [("accepted", "accepted")]


async def test_stops_telling_when_the_consent_is_taken_back(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])
    await desk.hear(said["match"])

    ended = await desk.ask("POST", f"/referrals/{referral_id}/consent-revoked", who="agency", json={"by": "Kim"})
    await desk.hear(said["series"])

    assert ended.json() == {"ended": 1}
    assert len(await desk.said(ConsentRevoked)) == 1
    assert (await told_of(desk))[-1] == ("accepted", "accepted")


async def test_finds_a_task_by_identifier_or_id(desk: Desk) -> None:
    referral_id = await desk.referred(request())

    found = [
        (await desk.ask("GET", "/fhir/Task", params=query)).json()
        for query in ({"identifier": "urn:hospital|R-1"}, {"identifier": "R-1"}, {"_id": referral_id})
    ]
    nothing = (await desk.ask("GET", "/fhir/Task", params={"identifier": "urn:hospital|R-9"})).json()

    assert [each["entry"][0]["resource"]["id"] for each in found] == [referral_id] * 3
    assert (nothing["type"], nothing["total"]) == ("searchset", 0)


@pytest.mark.parametrize("who", ["silent-centre", "garden-health", "screening-clinic", "agency"])
async def test_another_organisations_referral_is_not_there(desk: Desk, who: str) -> None:
    referral_id = await desk.referred(request())
    paths = [
        f"/fhir/ServiceRequest/{referral_id}",
        f"/fhir/Task/{referral_id}",
        "/fhir/Task/none",
        f"/fhir/Task/{UUID(int=7)}",
    ]

    answers = [await desk.ask("GET", each, who=who) for each in paths]
    timeline = await desk.ask("GET", f"/referrals/{referral_id}/timeline", who=who)
    search = await desk.ask("GET", f"/fhir/Task?_id={referral_id}", who=who)
    by_number = await desk.ask("GET", "/fhir/Task?identifier=urn:hospital|R-1", who=who)

    assert [each.status_code for each in answers] == [404] * 4
    assert len({each.text for each in answers[1:]}) == 1
    assert timeline.status_code == (200 if who == "agency" else 404)
    assert search.json()["total"] == by_number.json()["total"] == 0


async def test_says_what_it_can_do_to_anybody(desk: Desk) -> None:
    answer = await desk.http.get("/fhir/metadata")

    assert answer.json()["resourceType"] == "CapabilityStatement"


async def test_ignores_what_is_said_of_referrals_it_does_not_know(desk: Desk) -> None:
    unknown: dict[str, Any] = {"referral_id": uuid4(), "person_id": uuid4()}

    await desk.hear(ReferralWaitlisted(**unknown, reason="no_fit"))

    assert await desk.told() == []
