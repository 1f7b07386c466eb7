"""A post becomes a referral, once, and everything that follows from it is said."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import update

from services.referrals.store.tables import referrals
from shared.events.referrals import (
    ConsentGiven,
    ContactShared,
    CoverageShared,
    CrisisRaised,
    ReferralAccepted,
    ReferralHeld,
    ReferralRefused,
)
from tests.referrals.makers import (
    NOW,
    Desk,
    bundle,
    consent,
    coverage,
    extension,
    order,
    patient,
    request,
    risk,
)
from tests.referrals.test_clocks import pass_to


async def test_says_who_needs_what_when_a_screened_referral_arrives(desk: Desk) -> None:
    body = request(contained=[patient(), coverage()], priority="stat")

    answer = await desk.refer(body)

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/fhir/ServiceRequest/{answer.json()['id']}"
    assert answer.headers["content-type"].startswith("application/fhir+json")
    (accepted,) = await desk.said(ReferralAccepted)
    assert str(accepted.referral_id) == answer.json()["id"]
    assert (accepted.urgency, accepted.age_band, accepted.funded) == ("urgent", "adult", True)
    assert accepted.needs.challenges == ["depression"]
    assert accepted.preferences.languages == ["es"]
    (contact,) = await desk.said(ContactShared)
    assert (contact.first_name, contact.language) == ("Ana", "es")
    assert contact.reaches[0].address == "+12125550123"
    (cover,) = await desk.said(CoverageShared)
    assert (cover.payer, cover.plan_id, cover.member_id) == ("garden-health", "P3-GARDEN-SUD", "G-1001")
    assert (await desk.task(answer.json()["id"]))["status"] == "accepted"


async def test_says_no_name_and_no_number_in_what_everybody_hears(desk: Desk) -> None:
    await desk.referred(request(contained=[patient(), coverage()]))

    (accepted,) = await desk.said(ReferralAccepted)

    assert not {"Ana", "Example", "2125550123", "G-1001", "M-1"} & set(accepted.model_dump_json().split('"'))


async def test_takes_the_same_post_twice_as_one_referral(desk: Desk) -> None:
    first = await desk.refer(request())

    second = await desk.refer(request())

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert len(await desk.said(ReferralAccepted)) == 1
    assert len(await desk.told()) == 1
    assert (await desk.figures())["referrals_duplicates"] == 1


async def test_knows_a_referral_again_whatever_its_id_was_made_of(desk: Desk) -> None:
    await desk.refer(request())
    older = uuid4()
    async with desk.service.database.transaction() as db:
        await db.execute(update(referrals).values(referral_id=older))

    again = await desk.refer(request())

    assert (again.status_code, again.json()["id"]) == (200, str(older))


async def test_makes_one_referral_of_fifty_equal_posts_at_once(desk: Desk) -> None:
    body = request()

    answers = await asyncio.gather(*(desk.refer(body) for _ in range(50)))

    assert sorted(each.status_code for each in answers) == [200] * 49 + [201]
    assert len({each.json()["id"] for each in answers}) == 1
    assert len(await desk.said(ReferralAccepted)) == 1
    figures = await desk.figures()
    assert (figures["referrals_received"], figures["referrals_duplicates"]) == (1, 49)


async def test_keeps_a_changed_repeat_for_a_person_to_judge(desk: Desk) -> None:
    referral_id = await desk.referred(request())

    answer = await desk.refer(request(priority="stat"))

    assert (answer.status_code, answer.json()["id"]) == (200, referral_id)
    assert answer.json()["priority"] == "routine"
    assert [each.kind for each in await desk.work()] == ["changed_referral"]
    assert len(await desk.said(ReferralAccepted)) == 1


async def test_raises_a_danger_sign_that_comes_with_a_repeat(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer=None))

    await desk.refer(request(answer="flagged"))

    assert len(await desk.said(CrisisRaised)) == 1
    assert (await desk.task(referral_id))["businessStatus"]["coding"][0]["code"] == "crisis_review"
    assert {"crisis", "changed_referral"} <= {each.kind for each in await desk.work()}


async def test_knows_a_post_without_identifier_by_its_content(desk: Desk) -> None:
    first = await desk.refer(request(None))

    again = await desk.refer(request(None))
    other = await desk.refer(request(None, priority="stat"))

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]


async def test_lets_two_organisations_use_the_same_number(desk: Desk) -> None:
    mine = await desk.refer(request())

    theirs = await desk.refer(request(), who="silent-centre")

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_creates_only_if_none_exists(desk: Desk) -> None:
    wanted = {"if-none-exist": "identifier=urn:hospital|R-1"}
    first = await desk.refer(request(None), headers=wanted)

    second = await desk.refer(request(None, priority="stat"), headers=wanted)
    by_query = await desk.refer(request("R-2"), path="/fhir/ServiceRequest?identifier=urn:hospital|R-1")

    assert [each.status_code for each in (first, second, by_query)] == [201, 200, 200]
    assert first.json()["identifier"] == [{"system": "urn:hospital", "value": "R-1"}]


async def test_creates_only_if_none_exists_by_any_number_of_a_request(desk: Desk) -> None:
    two = [{"system": "urn:hospital", "value": "R-1"}, {"system": "urn:desk", "value": "D-1"}]
    wanted = {"if-none-exist": "identifier=urn:desk|D-1"}

    answers = [await desk.refer(request(identifier=two), headers=wanted) for _ in range(2)]

    assert [each.status_code for each in answers] == [201, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]


async def test_finds_a_person_again_by_the_hospitals_number_but_not_by_another_organisations(desk: Desk) -> None:
    await desk.referred(request("R-1"))
    await desk.referred(request("R-2"))
    await desk.referred(request("R-3"), who="silent-centre")

    first, again, elsewhere = await desk.said(ReferralAccepted)

    assert first.person_id == again.person_id != elsewhere.person_id
    assert first.referral_id != again.referral_id


async def test_pages_at_once_and_lets_nothing_reach_matching_when_a_flag_is_up(desk: Desk) -> None:
    answer = await desk.refer(request(answer="flagged", subject={"reference": "#ana"}))

    assert answer.status_code == 201
    assert "911" in answer.json()["note"][0]["text"] and "12:15" in answer.json()["note"][0]["text"]
    assert len(await desk.said(CrisisRaised)) == 1
    assert [each.state for each in await desk.said(ReferralHeld)] == ["crisis_review"]
    assert await desk.said(ReferralAccepted, ContactShared) == []
    (task,) = await desk.work()
    assert (task.kind, task.owner, task.due) == ("crisis", "on-call", NOW + timedelta(minutes=5))
    assert (await desk.task(answer.json()["id"]))["status"] == "on-hold"


async def test_holds_an_unscreened_referral_unless_the_organisation_screens(desk: Desk) -> None:
    await desk.referred(request(answer=None))
    await desk.referred(request(answer=None), who="screening-clinic")
    await desk.referred(request("R-2", answer="unknown"), who="screening-clinic")

    accepted = await desk.said(ReferralAccepted)

    assert [each.organisation for each in accepted] == ["screening-clinic"]
    assert [each.state for each in await desk.said(ReferralHeld)] == ["needs_screen", "needs_screen"]
    assert [each.kind for each in await desk.work()] == ["screening", "screening"]


async def test_declines_what_is_not_peer_support_and_says_why(desk: Desk) -> None:
    other = {"coding": [{"system": "http://snomed.info/sct", "code": "183524004"}]}

    referral_id = await desk.referred(request(code=other))

    assert [each.reason for each in await desk.said(ReferralRefused)] == ["not_peer_support"]
    task = await desk.task(referral_id)
    assert task["status"] == "rejected"
    assert "peer support only" in task["statusReason"]["text"]


async def test_takes_a_transaction_all_or_nothing(desk: Desk) -> None:
    ana, ben = "urn:uuid:00000000-0000-0000-0000-00000000000a", "urn:uuid:00000000-0000-0000-0000-00000000000b"
    number = [{"system": "urn:hospital:mrn", "value": "M-2"}]
    good = [
        patient(_as=ana, id=None),
        request("R-1", subject={"reference": ana}, contained=None),
        patient(_as=ben, id=None, identifier=number),
        request("R-2", subject={"reference": ben}, contained=None) | {"_unless": "identifier=urn:hospital|R-2"},
    ]
    bad = [*good[:3], request("R-9", subject={"reference": ben}, contained=None, status="somewhere")]

    refused = await desk.refer(bundle(*bad), path="/fhir")
    taken = await desk.refer(bundle(*good), path="/fhir")
    again = await desk.refer(bundle(*good), path="/fhir/")

    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, ["Bundle.entry[3].resource.status"])
    assert taken.status_code == 200
    statuses = [each["response"]["status"][:3] for each in taken.json()["entry"]]
    assert statuses == ["200", "201", "200", "201"]
    assert [each["response"]["status"][:3] for each in again.json()["entry"]] == ["200"] * 4
    assert len(await desk.said(ReferralAccepted)) == 2


async def test_takes_both_words_from_the_bus_like_http(desk: Desk) -> None:
    ours = json.loads(order(identifier={"system": "urn:hospital", "value": "R-7"}).model_dump_json(exclude_none=True))

    await desk.post_on_bus(request("R-1"))
    await desk.post_on_bus(request("R-2"), media="application/fhir+json; charset=utf-8")
    await desk.post_on_bus(ours)
    await desk.post_on_bus(ours, media="application/vnd.alongside.referral.v1+json")
    repeated = await desk.refer(request("R-1"))

    assert len(await desk.said(ReferralAccepted)) == 3
    assert repeated.status_code == 200
    assert [each["status"] for each in await desk.told()] == ["accepted"] * 3


async def test_says_back_what_was_wrong_with_a_post_on_the_bus(desk: Desk) -> None:
    message_id = await desk.post_on_bus(request(status="somewhere"))
    await desk.post_on_bus(b"{not json")
    await desk.post_on_bus(request(), who="nobody-known")

    wrong, malformed = await desk.told()

    assert wrong["issue"][0]["expression"] == ["ServiceRequest.status"]
    assert malformed["issue"][0]["code"] == "structure"
    assert "somewhere" not in json.dumps(wrong)
    figures = await desk.figures()
    assert (figures["referrals_refused"], figures["referrals_received"]) == (3, 0)
    assert message_id


async def test_accounts_for_every_post(desk: Desk) -> None:
    posts: list[Any] = [
        request("R-1"),
        request("R-1"),
        request("R-2", answer="flagged"),
        request("R-3", answer=None),
        request("R-4", contained=[patient(telecom=None)]),
        request("R-5", status="revoked"),
        request("R-6", status="somewhere"),
        b"{not json",
    ]

    for each in posts:
        await desk.refer(each)

    figures = await desk.figures()
    parts = ("accepted", "crisis_review", "needs_screen", "needs_info", "refused", "duplicates")
    assert [figures[f"referrals_{each}"] for each in parts] == [1, 1, 1, 1, 3, 1]
    assert sum(figures[f"referrals_{each}"] for each in parts) == len(posts)


async def test_hears_consents_and_discharges_and_sites(desk: Desk) -> None:
    leaving = extension("discharge-date", valueDate="2026-02-27")
    site = extension("site", valueCode="lakeside")

    await desk.referred(
        request(contained=[patient(), consent()], extension=[risk("none"), leaving, site]), who="silent-centre"
    )

    (accepted,) = await desk.said(ReferralAccepted)
    assert (accepted.urgency, accepted.site_id, accepted.zone) == ("urgent", "lakeside", "America/Chicago")
    (given,) = await desk.said(ConsentGiven)
    assert "referrer" in given.recipients and given.purposes == ["treatment"]


async def test_asks_a_person_about_an_insurance_nobody_knows(desk: Desk) -> None:
    await desk.referred(request(contained=[patient(), coverage(payor=[{"display": "Nobody Mutual"}], **{"class": []})]))

    assert [each.kind for each in await desk.work()] == ["coverage_unclear"]
    (accepted,) = await desk.said(ReferralAccepted)
    assert not accepted.funded and await desk.said(CoverageShared) == []


async def test_asks_somebody_to_look_when_a_persons_numbers_point_to_two_people(desk: Desk) -> None:
    one, other = ({"system": "urn:hospital:mrn", "value": each} for each in ("M-1", "M-2"))
    eve = patient(
        identifier=[other], name=[{"given": ["Eve"]}], telecom=[{"system": "email", "value": "e@example.org"}]
    )
    first, second = [
        await desk.person(await desk.referred(request(number, contained=[each])))
        for number, each in (("R-1", patient(identifier=[one])), ("R-2", eve))
    ]

    await desk.referred(request("R-3", contained=[patient(identifier=[one, other])]))
    await pass_to(desk, NOW + timedelta(minutes=2))

    (task,) = await desk.work()
    assert (task.kind, set(task.about.split())) == ("possible_duplicate", {first, second})
    assert task.note and task.note.startswith("One referral had numbers of both.")
