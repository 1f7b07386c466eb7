"""One human being whom several organisations refer is found by a person, never merged, and never told of to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from shared import clock
from shared.events.referrals import ConsentRevoked, ContactShared, PersonLinked, ReferralAccepted
from tests.referrals.makers import Desk, bundle, consent, coverage, patient, request
from tests.referrals.test_clocks import pass_to

MINUTE = timedelta(minutes=1)
CLINIC = "screening-clinic"
SAME = {"by": "Kim Lee", "verdict": "same", "reason": "phoned: one woman, two hospitals"}
DIFFERENT = {"by": "Kim Lee", "verdict": "different", "reason": "phoned: two sisters-in-law"}


def elsewhere(number: str = "C-1", **changes: Any) -> dict[str, Any]:
    """A referral of Ana by somebody who knows her by another number."""
    mine = patient(**{"identifier": [{"system": "urn:clinic:charts", "value": "77"}], **changes})
    return request(number, contained=[mine], identifier=[{"system": "urn:clinic", "value": number}])


def numbered(value: str) -> dict[str, str]:
    """A number that the hospital gives people."""
    return {"system": "urn:hospital:mrn", "value": value}


async def a_minute_later(desk: Desk) -> None:
    """This will let those be compared who have come by now."""
    await pass_to(desk, clock.now() + 2 * MINUTE)


async def both(desk: Desk) -> tuple[str, str]:
    """Ana, referred by the hospital and by the clinic: the person ids of both, compared."""
    one, other = await desk.referred(request()), await desk.referred(elsewhere(), who=CLINIC)
    await a_minute_later(desk)
    return await desk.person(one), await desk.person(other)


async def asked(desk: Desk) -> list[set[str]]:
    """Of whom somebody is asked whether they are one."""
    return [set(each.about.split()) for each in await desk.work() if each.kind == "possible_duplicate"]


async def find(desk: Desk, one: str, other: str, found: dict[str, str] = SAME) -> Any:
    """This will answer whether two people are one."""
    return await desk.ask("POST", f"/people/{one}/identity", who="agency", json={**found, "other": other})


async def stands(desk: Desk) -> dict[str, str]:
    """Who stands for whom, by what was said last."""
    return {str(each.person_id): str(each.same_as) for each in await desk.said(PersonLinked)}


async def test_two_organisations_refer_one_human_being_and_somebody_is_asked(desk: Desk) -> None:
    one, other = await both(desk)

    (task,) = [each for each in await desk.work() if each.kind == "possible_duplicate"]
    assert one != other and set(task.about.split()) == {one, other}
    assert (task.owner, task.due) == ("intake", datetime(2026, 3, 3, 22, tzinfo=UTC))
    assert task.note and task.note.startswith(
        "The same birth date and a phone number or an e-mail address and a family name."
    )
    assert await desk.said(PersonLinked) == []


@pytest.mark.parametrize(
    "other",
    [
        {"name": [{"given": ["Luis"], "family": "Example"}]},
        {"birthDate": "1961-05-06"},
        {"birthDate": None},
        {"name": [{"given": ["Ana"], "family": "Other"}], "telecom": [{"system": "email", "value": "a@example.org"}]},
    ],
    ids=["a twin", "a mother", "nobody knows how old", "a namesake"],
)
async def test_nobody_is_asked_about_people_who_share_a_home_or_a_name(desk: Desk, other: dict[str, Any]) -> None:
    await desk.referred(request())
    await desk.referred(elsewhere(**other), who=CLINIC)

    await a_minute_later(desk)

    assert await asked(desk) == []


async def test_a_birth_date_that_is_learnt_later_lets_somebody_be_found(desk: Desk) -> None:
    await desk.referred(request())
    other = await desk.referred(elsewhere(birthDate=None), who=CLINIC)
    await a_minute_later(desk)

    learnt = {"by": "Kim Lee", "birth_date": "1990-05-06"}
    await desk.ask("POST", f"/referrals/{other}/details", who="agency", json=learnt)
    await a_minute_later(desk)

    assert len(await asked(desk)) == 1


async def test_numbers_of_two_people_that_come_together_later_are_asked_about(desk: Desk) -> None:
    one = await desk.referred(request("R-1"))
    named = {"name": [{"given": ["Zoe"], "family": "Other"}], "birthDate": "1955-01-02", "telecom": []}
    other = await desk.referred(request("R-2", contained=[patient(identifier=[numbered("M-2")], **named)]))
    await a_minute_later(desk)
    before = await asked(desk)

    both = [numbered("M-1"), numbered("M-2"), numbered("M-3")]
    await desk.refer(request("R-1", contained=[patient(identifier=both)]))
    await a_minute_later(desk)
    third = await desk.referred(request("R-3", contained=[patient(identifier=[numbered("M-3")])]))

    people = [await desk.person(each) for each in (one, other, third)]
    assert (before, await asked(desk)) == ([], [set(people[:2])])
    assert people[2] == people[0], "a number that came beside one of theirs is theirs"


OTHER = {"name": [{"given": ["Boris"], "family": "Other"}], "birthDate": "1999-09-09"}


@pytest.mark.parametrize(
    ("who", "mixed"),
    [
        (OTHER, True),
        (OTHER | {"birthDate": "1990-05-06"}, False),
        (OTHER | {"birthDate": None}, False),
        ({"birthDate": "1990-05-07"}, False),
    ],
    ids=["another human being", "another name", "nobody knows how old", "a slip in the birth date"],
)
async def test_a_number_that_two_people_have_is_asked_about(desk: Desk, who: dict[str, Any], mixed: bool) -> None:
    await desk.referred(request("R-1"))
    other = await desk.referred(request("R-2", contained=[patient(**who)]))

    await a_minute_later(desk)
    await a_minute_later(desk)

    tasks = [(each.kind, each.about, each.owner) for each in await desk.work()]
    assert (("number_of_two", other, "intake") in tasks) is mixed


@pytest.mark.parametrize("together", [False, True], ids=["one after another", "in one Bundle"])
async def test_whoever_has_a_number_of_somebody_else_is_not_taken_for_them(desk: Desk, together: bool) -> None:
    asked_for = [request("R-1"), request("R-2", contained=[patient(**OTHER)])]
    for each in [bundle(*asked_for)] if together else asked_for:
        await desk.refer(each, path="/fhir" if together else "/fhir/ServiceRequest")
    one, other = [str(each.referral_id) for each in await desk.said(ReferralAccepted)]

    people = [await desk.person(each) for each in (one, other)]
    told = {str(each.person_id): each.first_name for each in await desk.said(ContactShared)}

    assert people[0] != people[1] and told == {people[0]: "Ana", people[1]: "Boris"}
    assert {(each.kind, each.about) for each in await desk.work()} == {("number_of_two", other)}


@pytest.mark.parametrize(
    "number",
    [
        {"value": "UNKNOWN"},
        {"value": "0"},
        {"value": "N/A"},
        {"value": "999-99-9999"},
        {"value": "G-1", "type": {"coding": [{"code": "MB"}]}},
    ],
    ids=str,
)
async def test_what_is_nobodys_number_or_a_familys_makes_nobody_one(desk: Desk, number: dict[str, Any]) -> None:
    numbers = [{"system": "urn:hospital:mrn"} | number]
    ids = [
        await desk.referred(request(f"R-{born}", contained=[patient(identifier=numbers, birthDate=born)]))
        for born in ("1990-05-06", "1991-05-06")
    ]

    assert await desk.person(ids[0]) != await desk.person(ids[1])


async def test_a_number_that_stands_beside_none_of_theirs_is_nobodys(desk: Desk) -> None:
    one = await desk.referred(request("R-1"))

    await desk.refer(request("R-1", contained=[patient(identifier=[numbered("M-7")])]))
    other = await desk.referred(request("R-2", contained=[patient(identifier=[numbered("M-7")])]))

    assert await desk.person(one) != await desk.person(other)


async def test_a_test_is_nobody_and_is_like_nobody(desk: Desk) -> None:
    one = await desk.referred(request())
    made_up = await desk.referred(elsewhere(), who="trial-hospital")
    await a_minute_later(desk)

    answer = await find(desk, await desk.person(one), await desk.person(made_up))

    assert await asked(desk) == [] and answer.status_code == 404


@pytest.mark.parametrize("before", [{}, {"status": "entered-in-error"}], ids=["taken back", "sent in error"])
async def test_a_referral_that_was_refused_tells_of_nobody(desk: Desk, before: dict[str, str]) -> None:
    await desk.referred(request())
    await desk.referred(elsewhere() | before, who=CLINIC)
    await desk.refer(elsewhere() | {"status": "entered-in-error"}, who=CLINIC)

    await a_minute_later(desk)

    assert await asked(desk) == []


@pytest.mark.parametrize(("many", "pairs"), [(3, 3), (12, 0)])
async def test_a_placeholder_that_a_crowd_shares_asks_nobody(desk: Desk, many: int, pairs: int) -> None:
    for number in range(many):
        unknown = {"name": [{"given": ["Unknown"], "family": "Unknown"}], "birthDate": "1990-01-01"}
        reached = {"identifier": None, "telecom": [{"system": "phone", "value": f"+121255501{number:02}"}]}
        await desk.referred(request(f"C-{number}", contained=[patient(**unknown, **reached)]), who=CLINIC)

    await a_minute_later(desk)

    assert len(await asked(desk)) == pairs


async def test_the_same_says_who_stands_for_whom_and_closes_the_task(desk: Desk) -> None:
    one, other = await both(desk)

    answer = await find(desk, one, other)

    first = min(one, other)
    assert await stands(desk) == {max(one, other): first}
    assert await asked(desk) == []
    assert answer.status_code == 200
    assert [each["same"] for each in answer.json()["people"]] == [True, True]
    (found,) = answer.json()["found"]
    assert (found["verdict"], found["by"], found["why"]) == ("same", "Kim Lee", ["reach", "name"])


async def test_the_same_answer_again_says_nothing_new(desk: Desk) -> None:
    one, other = await both(desk)

    await find(desk, one, other)
    again = await find(desk, other, one, {**SAME, "by": "Robin Roe"})

    assert again.status_code == 200 and len(await desk.said(PersonLinked)) == 1
    assert [each["by"] for each in again.json()["found"]] == ["Kim Lee"]


async def test_two_who_are_not_the_same_are_never_asked_about_again(desk: Desk) -> None:
    one, other = await both(desk)
    await find(desk, one, other, DIFFERENT)

    await desk.referred(request("R-2"))
    await desk.referred(elsewhere("C-2"), who=CLINIC)
    await a_minute_later(desk)

    assert await asked(desk) == [] and await desk.said(PersonLinked) == []


async def test_a_wrong_link_is_taken_back_and_said_to_everybody(desk: Desk) -> None:
    one, other = await both(desk)
    await find(desk, one, other)

    answer = await find(desk, one, other, DIFFERENT)

    assert await stands(desk) == {max(one, other): max(one, other)}
    assert [each["same"] for each in answer.json()["people"] if each["person_id"] == other] == [False]


async def test_a_third_is_asked_about_once_where_two_are_one_already(desk: Desk) -> None:
    one, other = await both(desk)
    await find(desk, one, other)
    third = await desk.referred(elsewhere("S-1") | {"contained": [patient(identifier=None)]}, who="silent-centre")
    await a_minute_later(desk)
    person_id = await desk.person(third)

    (pair,) = await asked(desk)
    assert person_id in pair and pair & {one, other}
    await find(desk, one, person_id)

    assert await asked(desk) == []
    assert set((await stands(desk)).values()) == {min(one, other, person_id)}


async def test_what_cannot_be_beside_an_earlier_answer_is_refused_and_says_which(desk: Desk) -> None:
    one, other = await both(desk)
    third = await desk.person(
        await desk.referred(request("S-1", contained=[patient(identifier=None)]), who="silent-centre")
    )
    await find(desk, one, other)
    await find(desk, one, third, DIFFERENT)

    refused = await find(desk, other, third)

    assert refused.status_code == 409
    assert one in refused.json()["errors"][0]["remedy"] and third in refused.json()["errors"][0]["remedy"]
    assert len(await desk.said(PersonLinked)) == 1


async def test_an_open_question_is_not_done_without_an_answer(desk: Desk) -> None:
    await both(desk)
    (task,) = [each for each in await desk.work() if each.kind == "possible_duplicate"]

    refused = await desk.ask("POST", f"/work/{task.task_id}/done", who="agency", json={"by": "Kim Lee"})

    assert refused.status_code == 409
    assert refused.json()["errors"][0]["remedy"] == f"do it with POST /people/{task.about.split()[0]}/identity"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**SAME, "by": " "}, 422),
        ({**SAME, "reason": ""}, 422),
        ({**SAME, "verdict": "perhaps"}, 422),
        ({**SAME, "other": str(uuid4())}, 404),
    ],
)
async def test_nobody_is_linked_without_a_name_a_reason_and_two_people(
    small: Desk, body: dict[str, str], status: int
) -> None:
    one, other = await both(small)

    answer = await small.ask("POST", f"/people/{one}/identity", who="agency", json={"other": other, **body})
    itself = await small.ask("POST", f"/people/{one}/identity", who="agency", json={**SAME, "other": one})

    assert (answer.status_code, itself.status_code) == (status, 422)
    assert await small.said(PersonLinked) == []


@pytest.mark.parametrize("who", ["general-hospital", CLINIC, "garden-health"])
async def test_only_the_programme_asks_and_answers_who_is_who(small: Desk, who: str) -> None:
    one, other = await both(small)

    read = await small.ask("GET", f"/people/{one}/identity", who=who)
    written = await small.ask("POST", f"/people/{one}/identity", who=who, json={**SAME, "other": other})

    assert (read.status_code, written.status_code) == (403, 403)


async def test_who_takes_everything_back_takes_it_back_wherever_they_were_referred(desk: Desk) -> None:
    one = await desk.referred(request(contained=[patient(), consent()]))
    other = await desk.referred(elsewhere() | {"contained": [patient(identifier=None), consent()]}, who=CLINIC)
    await a_minute_later(desk)
    people = {await desk.person(one), await desk.person(other)}
    await find(desk, *people)

    await desk.ask("POST", f"/referrals/{one}/consent-revoked", who="agency", json={"by": "Kim Lee"})

    assert {str(each.person_id) for each in await desk.said(ConsentRevoked)} == people


async def ended_by_link(desk: Desk) -> dict[str, Any]:
    """Whom somebody asks again, because their consents ended by another's word."""
    return {each.about: each for each in await desk.work() if each.kind == "consent_ended_by_link"}


async def whats(desk: Desk, referral_id: str, who: str = "agency") -> list[str]:
    """What stands in a timeline of consents that ended."""
    lines = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who=who)).json()
    return [each["what"] for each in lines if each["what"].startswith("consent_revoked")]


@pytest.mark.parametrize("answer", [None, "none"], ids=["held", "accepted"])
async def test_whose_consents_ended_by_a_wrong_link_is_asked_again(desk: Desk, answer: str | None) -> None:
    one = await desk.referred(request(answer=answer, contained=[patient(), consent()]))
    theirs = request("C-1", answer=answer, contained=[patient(identifier=None), consent()])
    other = await desk.referred(theirs | {"identifier": [{"system": "urn:clinic", "value": "C-1"}]}, who=CLINIC)
    await a_minute_later(desk)
    people = await desk.person(one), await desk.person(other)
    await find(desk, *people)

    await desk.ask("POST", f"/referrals/{one}/consent-revoked", who="agency", json={"by": "Kim Lee"})
    assert await ended_by_link(desk) == {}
    await find(desk, *people, DIFFERENT)

    assert (await whats(desk, one), await whats(desk, other)) == (["consent_revoked"], ["consent_revoked_by_link"])
    assert await whats(desk, other, CLINIC) == []
    ((about, task),) = (await ended_by_link(desk)).items()
    assert (about, task.owner) == (people[1], "intake") and f"POST /people/{people[1]}/consents" in task.note


async def test_nobody_is_asked_again_who_took_everything_back_themselves(desk: Desk) -> None:
    one = await desk.referred(request(contained=[patient(), consent()]))
    other = await desk.referred(elsewhere() | {"contained": [patient(identifier=None), consent()]}, who=CLINIC)
    await a_minute_later(desk)
    people = await desk.person(one), await desk.person(other)
    for each in (one, other):
        await desk.ask("POST", f"/referrals/{each}/consent-revoked", who="agency", json={"by": "Kim Lee"})
    await find(desk, *people)
    await desk.ask("POST", f"/referrals/{one}/consent-revoked", who="agency", json={"by": "Kim Lee"})

    await find(desk, *people, DIFFERENT)

    assert await ended_by_link(desk) == {}


async def test_an_accounting_is_of_the_whole_human_being(desk: Desk) -> None:
    one, other = await both(desk)
    before = (await desk.ask("GET", f"/people/{one}/disclosures", who="agency")).json()["disclosures"]

    await find(desk, one, other)

    told = (await desk.ask("GET", f"/people/{one}/disclosures", who="agency")).json()["disclosures"]
    assert {each["recipient"] for each in before} == {"general-hospital"}
    assert {each["recipient"] for each in told} == {"general-hospital", CLINIC}


@contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    """What the service asks its database meanwhile."""
    engine, seen = desk.service.database.engine.sync_engine, list[str]()

    def note(_: Any, __: Any, statement: str, *more: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def test_a_referrer_cannot_tell_whether_another_knows_the_person(desk: Desk) -> None:
    await desk.referred(request())
    await a_minute_later(desk)
    eve = {"name": [{"given": ["Eve"], "family": "Nobody"}], "telecom": [{"system": "phone", "value": "+12125550177"}]}

    with statements(desk) as about_a_stranger:
        stranger = await desk.refer(elsewhere("C-1", **eve, identifier=None, birthDate="1971-01-02"), who=CLINIC)
    with statements(desk) as about_ana:
        ana = await desk.refer(elsewhere("C-2", identifier=None), who=CLINIC)

    assert about_a_stranger == about_ana
    assert stranger.status_code == ana.status_code == 201
    assert stranger.headers.keys() == ana.headers.keys()
    assert shape(stranger.json()) == shape(ana.json())
    await a_minute_later(desk)
    one, other = await desk.told(CLINIC)
    assert len(await asked(desk)) == 1 and shape(one) == shape(other)


def shape(body: Any) -> Any:
    """What an answer looks like, without what is ours or the person's in it."""
    if isinstance(body, dict):
        return {name: shape(value) for name, value in body.items()}
    return [shape(each) for each in body] if isinstance(body, list) else type(body).__name__


async def test_nothing_that_a_referrer_reads_changes_with_a_link(desk: Desk) -> None:
    one, other = await desk.referred(request()), await desk.referred(elsewhere(), who=CLINIC)
    await a_minute_later(desk)

    async def seen() -> list[Any]:
        paths = [f"/fhir/Task/{other}", f"/fhir/ServiceRequest/{other}", f"/referrals/{other}/timeline"]
        answers = [await desk.ask("GET", each, who=CLINIC) for each in paths]
        return [[(each.json(), each.headers.get("etag")) for each in answers], await desk.told(CLINIC)]

    before = await seen()
    await find(desk, await desk.person(one), await desk.person(other))

    assert await seen() == before
    full = await desk.ask("GET", f"/referrals/{one}/timeline")
    assert "found_same_person" not in [each["what"] for each in full.json()]
    staff = (await desk.ask("GET", f"/referrals/{one}/timeline", who="agency")).json()
    assert "found_same_person" in [each["what"] for each in staff]


async def test_what_people_are_looked_up_by_is_kept_as_keyed_fingerprints_only(desk: Desk) -> None:
    await desk.referred(request(contained=[patient(), coverage()]))
    await desk.referred(elsewhere(), who=CLINIC)
    await a_minute_later(desk)

    async with desk.service.database.reading() as db:
        kept = repr([tuple(row) for row in await db.execute(text("select * from traits"))])
        alike = repr([tuple(row) for row in await db.execute(text("select * from likenesses"))])

    assert len(kept) > 500
    for secret in ("Ana", "Example", "1990", "2125550123", "G-1001", "M-1"):
        assert secret.casefold() not in kept.casefold() and secret not in alike
