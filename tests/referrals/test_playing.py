"""What an organisation for tests sends is answered as in real life, goes on as its number asks, and reaches nobody."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.referrals.handlers import Misfit
from services.referrals.rules.journey import OVER
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.playing import PAUSE, PLAYS, UnknownOutcome, outcome_of
from services.referrals.rules.seeing import CLOSED_AS
from shared import clock
from shared.database import Database
from shared.events.referrals import OutcomeFellDue, ReferralFellDue
from shared.mailbox.tables import outbox
from shared.programme import Programme
from tests.conftest import Migrated
from tests.referrals.endpoints import endpoint, settle, subscribed, subscription, until
from tests.referrals.makers import NOW, Desk, consent, desk_on, order, patient, person, request
from tests.referrals.pipes import SEGMENTS, event, message
from tests.referrals.test_clocks import DAY, pass_to, record
from tests.referrals.test_discharges import leaving
from tests.referrals.test_mllp import answered, line
from tests.referrals.test_rules_of_consent import PAPER

TRIAL, HOSPITAL = "trial-hospital", "general-hospital"
HELD = {
    "crisis": "crisis_review",
    "unheard": "crisis_review",
    "needs-screen": "needs_screen",
    "needs-info": "needs_info",
}
ENDS = {
    **HELD,
    "declined": "refused",
    "no-consent": "refused",
    "crisis-cleared": "accepted",
    "accepted": "accepted",
    "waitlisted": "waitlisted",
    "offered": "offered",
    "matched": "matched",
    "scheduled": "first_scheduled",
    "no-show": "lapsed",
    "kept": "engaged",
    "completed": "completed",
    **{f"closed-{each.replace('_', '-')}": "closed" for each in CLOSED_AS},
    "closed-linked": "linked",
}


async def played(desk: Desk, body: Any, who: str = TRIAL) -> list[str]:
    """What a referrer is told of a referral, one state after another, until its play is over."""
    answer = await desk.refer(body, who=who)
    assert answer.status_code in (201, 503), answer.text
    await until(desk, clock.now() + 10 * PAUSE)
    return [each["businessStatus"]["coding"][0]["code"] for each in await desk.told(who)]


async def left(desk: Desk) -> set[str]:
    """Every subject on which anything was said, whoever is to hear it."""
    async with desk.service.database.reading() as db:
        return set((await db.execute(select(outbox.c.subject))).scalars())


def test_every_outcome_has_an_end_that_is_tried() -> None:
    assert set(ENDS) == set(PLAYS)


@pytest.mark.parametrize("outcome", PLAYS)
async def test_a_number_asks_for_an_outcome_and_no_other_service_hears(small: Desk, outcome: str) -> None:
    told = await played(small, request(f"outcome-{outcome}-17"))

    assert told[-1] == ENDS[outcome]
    assert await left(small) == {f"status.{TRIAL}.referral.v1"}
    assert await small.work() == []


async def test_the_steps_come_one_after_another_on_every_database(desk: Desk) -> None:
    told = await played(desk, request("outcome-completed"))

    assert told == ["accepted", "offered", "matched", "first_scheduled", "engaged", "completed"]
    last = (await desk.told(TRIAL))[-1]
    assert [each["type"]["text"] for each in last["output"]] == ["First visit", "First visit kept", "Visits kept"]
    assert last["output"][-1]["valueInteger"] == 1


async def test_who_never_comes_ends_without_a_visit_kept(small: Desk) -> None:
    assert (await played(small, request("outcome-no-show")))[-2:] == ["first_scheduled", "lapsed"]

    last = (await small.told(TRIAL))[-1]
    assert (last["status"], [each["type"]["text"] for each in last["output"]]) == ("on-hold", ["First visit"])


async def test_without_a_wish_a_referral_goes_to_its_first_visit_and_what_is_held_stays(small: Desk) -> None:
    assert (await played(small, request()))[-1] == "engaged"
    assert (await played(small, request("R-2", answer=None)))[-1] == "needs_screen"
    assert await left(small) == {f"status.{TRIAL}.referral.v1"}


async def test_a_person_may_carry_the_wish_and_a_wish_lets_on_what_is_held(small: Desk) -> None:
    whom = patient(identifier=[{"system": "urn:hospital:mrn", "value": "Outcome-Matched.3"}], telecom=[])

    assert await played(small, request("R-1", contained=[whom])) == ["needs_info", "accepted", "offered", "matched"]


async def test_what_the_content_itself_leads_to_comes_first(small: Desk) -> None:
    other = request("outcome-matched-1", code={"text": "Colonoscopy"}, reasonCode=[])

    assert await played(small, other) == ["refused"]


async def test_danger_is_answered_with_the_emergency_words_pages_nobody_and_says_so(small: Desk) -> None:
    real = await small.refer(request("R-9", answer="flagged"), who="general-hospital")
    before = await left(small)
    answer = await small.refer(request("R-1", answer="flagged"), who=TRIAL)

    words, real_words = (each.json()["note"][0]["text"] for each in (answer, real))
    assert words == f"{real_words} This came from an organisation for tests: nobody was paged, and nobody will phone."
    assert "call or text 988" in words
    assert await left(small) - before == {f"status.{TRIAL}.referral.v1"}
    assert [each.about for each in await small.work()] == [real.json()["id"]]


async def test_danger_in_a_test_neither_hides_nor_makes_a_pager_that_is_broken(desk: Desk) -> None:
    await desk.refer(request("R-1", answer="flagged"), who=TRIAL)
    clock.step_to(NOW + timedelta(minutes=10))
    first = await desk.refer(request("R-2", answer="flagged"), who="general-hospital")
    clock.step_to(NOW + timedelta(minutes=20))
    await desk.refer(request("R-3", answer="flagged"), who=TRIAL)
    clock.step_to(NOW + timedelta(minutes=30))
    second = await desk.refer(request("R-4", answer="flagged"), who="general-hospital")

    again = await desk.refer(request("R-1", answer="flagged"), who=TRIAL)

    assert [first.status_code, second.status_code, again.status_code] == [201, 503, 200]
    assert (await desk.figures())["referrals_crises_unheard"] == 1


async def test_the_answer_of_a_pager_that_is_broken_can_be_asked_for(small: Desk) -> None:
    answer = await small.refer(request("outcome-unheard-1"), who=TRIAL)

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (503, "transient")


@pytest.mark.parametrize("outcome", PLAYS)
async def test_the_clock_of_a_test_is_shown_rings_for_nobody_and_counts_nowhere(small: Desk, outcome: str) -> None:
    await small.refer(leaving(NOW.date() - 2 * DAY, f"outcome-{outcome}-1"), who=TRIAL)
    await until(small, NOW + 20 * PAUSE)
    mine = {"organisation": TRIAL}
    (one,) = (await small.ask("GET", "/referrals", who="agency", params=mine)).json()["referrals"]
    found = await record(small, one["referral_id"])

    await pass_to(small, NOW + 400 * DAY)
    fact = ReferralFellDue(referral_id=one["referral_id"], person_id=found["person_id"])
    await small.hear(fact)

    ends = "closed" if outcome.startswith("closed-") else ENDS[outcome]
    assert (found["state"], found["owner"] is None, found["act_by"] is None) == (ends, ends in OVER, ends in OVER)
    assert await small.work() == []
    assert (await small.figures())["referrals_overdue"] == 0
    late = [await small.ask("GET", "/referrals", who="agency", params=each | {"overdue": True}) for each in ({}, mine)]
    assert [each.json()["referrals"] for each in late] == [[], []]
    assert (await small.ask("GET", "/follow-up", who=TRIAL)).json()["discharged"] == 0


async def test_a_test_is_told_who_would_have_to_act(small: Desk) -> None:
    await played(small, request("outcome-scheduled-1"))

    told = [(each["owner"]["display"].rpartition(": ")[2], "restriction" in each) for each in await small.told(TRIAL)]
    assert told[1:] == [("matching", True), ("scheduling", True), ("the supporter", True)]


async def test_all_that_is_said_of_a_test_is_labelled_as_one(small: Desk) -> None:
    answer = await small.refer(request(), who=TRIAL)
    real = await small.refer(request())

    task = await small.task(answer.json()["id"], who=TRIAL)
    labels = [each["meta"]["security"][0]["code"] for each in (answer.json(), task, (await small.told(TRIAL))[0])]
    assert labels == ["HTEST", "HTEST", "HTEST"]
    assert "security" not in real.json()["meta"]


@pytest.mark.parametrize("who", [TRIAL, HOSPITAL])
async def test_answers_to_bundles_and_refusals_are_labelled_too(small: Desk, who: str) -> None:
    entry = {"resource": request(), "request": {"method": "POST", "url": "ServiceRequest"}}
    header = {"resource": {"resourceType": "MessageHeader", "eventCoding": {"code": "I12"}}}
    answers = [
        await small.refer(bundle("transaction", entry), who=who, path="/fhir"),
        await small.refer(bundle("message", header, entry), who=who, path="/fhir/$process-message"),
        await small.refer(request(contained=[]), who=who),
        await small.ask("GET", "/fhir/Task/nothing", who=who),
    ]
    await small.post_on_bus(request(contained=[]), who=who)

    told = [*(each.json() for each in answers), (await small.told(who))[-1]]
    kinds = ["Bundle", "Bundle", *["OperationOutcome"] * 3]
    assert [each["resourceType"] for each in told] == kinds
    labels = [each.get("meta", {}).get("security", [{}])[0].get("code") for each in told]
    assert labels == ["HTEST" if who == TRIAL else None] * 5


LABEL = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]}


@pytest.mark.parametrize("who", [TRIAL, HOSPITAL])
async def test_what_is_marked_as_a_test_is_taken_of_an_organisation_for_tests_only(small: Desk, who: str) -> None:
    entry = {"resource": request("R-2"), "request": {"method": "POST", "url": "ServiceRequest"}}
    sent = [
        await small.refer(request("R-1", meta=LABEL), who=who),
        await small.refer(request("R-3", contained=[patient(meta=LABEL)]), who=who),
        await small.refer(bundle("transaction", entry) | {"meta": LABEL}, who=who, path="/fhir"),
    ]
    async with line(small, who) as port:
        marks = [SEGMENTS["MSH"].replace("|P|", "|T|"), SEGMENTS["MSH"].replace("|P|", "|D^A|")]
        marks += [SEGMENTS["MSH"].replace("0500||REF", "0500|HTEST|REF")]
        pipes = [await answered(port, message(MSH=each)) for each in marks]
    await small.post_on_bus(request("R-4", meta=LABEL), who=who)

    states = [each.status_code for each in sent], [str(each.segment("MSA")[1]) for each in pipes]
    last = (await small.told(who))[-1]["resourceType"]
    if who == TRIAL:
        assert (states, last) == (([201, 201, 200], ["AA"] * 3), "Task")
        return
    assert (states, last) == (([422] * 3, ["AE"] * 3), "OperationOutcome")
    places = [each.json()["issue"][0]["expression"][0] for each in sent]
    assert places == [
        "ServiceRequest.meta.security",
        "ServiceRequest.contained[0].meta.security",
        "Bundle.meta.security",
    ]
    assert [str(each.segment("ERR")[8]).split(":")[0] for each in pipes] == ["MSH-11", "MSH-11", "MSH-8"]
    assert all("organisation for tests" in each.json()["issue"][0]["diagnostics"] for each in sent)
    assert (await small.figures())["referrals_refused"] == 7


@pytest.mark.parametrize("answer", ["flagged", "none"])
async def test_danger_in_what_is_marked_as_a_test_is_refused_with_the_emergency_words(small: Desk, answer: str) -> None:
    refused = await small.refer(request("R-1", answer=answer, meta=LABEL))

    words = refused.json()["issue"][0]["diagnostics"]
    assert refused.status_code == 422
    assert ("call or text 988" in words, "Nobody was paged" in words) == ((answer == "flagged"),) * 2
    assert await left(small) == set()


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def test_pipes_say_of_a_test_that_it_is_one_whatever_becomes_of_it(small: Desk) -> None:
    ask = {"MSH": event("I15"), "PID": None, "DG1": None, "OBX": None}
    sent = [message(), message(**ask), message(PID=None), b"PID|1"]
    async with line(small, TRIAL) as port:
        tests = [await answered(port, each) for each in sent]
    async with line(small) as port:
        real = [await answered(port, each) for each in sent]

    assert [str(each.segment("MSA")[1]) for each in tests] == ["AA", "AA", "AE", "AR"]
    assert [str(each.segment("MSH")[8]) for each in tests] == ["HTEST"] * 4
    assert [str(each.segments("NTE")[-1][3])[:36] for each in tests[:2]] == ["For tests: nobody is helped by this."] * 2
    assert [str(each.segment("MSH")[8]) for each in real] == [""] * 4
    assert "For tests" not in "".join(map(str, real))
    assert [str(each.segment("MSH")[11]) for each in (*tests, *real)] == ["P"] * 8


async def test_a_search_says_whose_key_it_was_and_whether_that_is_for_tests(small: Desk) -> None:
    found = [(await small.ask("GET", "/fhir/Task?_count=0", who=who)).json()["meta"] for who in (TRIAL, HOSPITAL)]

    assert [each["tag"][0]["code"] for each in found] == [TRIAL, HOSPITAL]
    assert [each.get("security", [{}])[0].get("code") for each in found] == ["HTEST", None]


async def test_an_outcome_that_there_is_not_is_refused_with_those_there_are(small: Desk) -> None:
    answer = await small.refer(request("outcome-mached"), who=TRIAL)

    assert answer.status_code == 422
    said = answer.json()["issue"][0]
    assert (said["code"], said["expression"]) == ("code-invalid", ["identifier"])
    assert "outcome-matched" in said["diagnostics"] and "mached" not in said["diagnostics"].replace("matched", "")


async def test_of_a_hospital_that_refers_people_such_a_number_is_a_number(small: Desk) -> None:
    answer = await small.refer(request("outcome-crisis"))
    strange = await small.refer(request("outcome-mached"))
    await until(small, NOW + 10 * PAUSE)

    assert [answer.status_code, strange.status_code] == [201, 201]
    states = [each["businessStatus"]["coding"][0]["code"] for each in await small.told()]
    assert states == ["accepted", "accepted"]
    assert "matched" not in states and any(each.startswith("referrals.") for each in await left(small))


async def test_a_test_is_taken_back_changed_and_said_again_without_anybody_hearing(small: Desk) -> None:
    await small.refer(request("outcome-matched-1"), who=TRIAL)
    await small.refer(request("outcome-matched-1", note=[{"text": "I want to end my life"}]), who=TRIAL)
    await small.refer(request("outcome-matched-2"), who=TRIAL)
    await small.refer(request("outcome-matched-2", status="revoked"), who=TRIAL)
    await until(small, NOW + 10 * PAUSE)

    told = [each["businessStatus"]["coding"][0]["code"] for each in await small.told(TRIAL)]
    assert (told.count("withdrawn"), told.count("matched")) == (1, 1)
    assert await left(small) == {f"status.{TRIAL}.referral.v1"}
    assert await small.work() == []


async def test_people_of_the_programme_can_do_nothing_with_a_test(small: Desk) -> None:
    held = (await small.refer(request(answer=None), who=TRIAL)).json()["id"]
    flagged = (await small.refer(request("R-2", answer="flagged"), who=TRIAL)).json()["id"]
    clear = {"by": "Kim", "reason": "looked", "outcome": "clear"}

    answers = [
        await small.ask("POST", f"/referrals/{held}/screening", who="agency", json=clear),
        await small.ask(
            "POST", f"/referrals/{held}/details", who="agency", json={"by": "Kim", "phone": "212-555-0100"}
        ),
        await small.ask("POST", f"/referrals/{flagged}/acknowledgement", who="agency", json={"by": "Kim"}),
        await small.ask("POST", f"/referrals/{held}/consent-revoked", who="agency", json={"by": "Kim"}),
    ]

    assert [each.status_code for each in answers] == [409, 409, 409, 404]
    assert await left(small) == {f"status.{TRIAL}.referral.v1"}
    assert (await small.ask("GET", "/referrals", who="agency")).json()["referrals"] == []
    assert (await small.ask("GET", f"/referrals/{held}", who="agency")).json()["test"] is True


async def test_no_other_service_hears_what_a_person_of_a_test_signed(small: Desk) -> None:
    test = (await small.refer(request(), who=TRIAL)).json()["id"]
    before = await left(small)

    answer = await small.ask("POST", f"/people/{await small.person(test)}/consents", who="agency", json=PAPER)

    assert answer.status_code == 404
    assert await left(small) == before == {f"status.{TRIAL}.referral.v1"}


async def test_tests_are_counted_apart_and_in_no_other_figure(desk: Desk) -> None:
    empty = await desk.figures()
    await played(desk, request("outcome-completed"))
    await desk.refer(request("outcome-completed"), who=TRIAL)
    await desk.refer(request("R-2", contained=[]), who=TRIAL)

    assert await desk.figures() == empty | {"referrals_for_tests": 1}


async def test_beyond_accepted_a_test_too_tells_only_what_a_consent_allows(tmp_path: Path, database: Database) -> None:
    async with desk_on(database, tmp_path) as desk:
        organisations = desk.service.programme.organisations
        organisations[TRIAL] = organisations[TRIAL].model_copy(update={"status_consent_by_agreement": False})
        agreed = patient(), consent()

        silent = await played(desk, request("outcome-matched-1"))
        told = await played(desk, request("outcome-matched-2", contained=[*agreed]))

    assert silent == ["accepted"]
    assert told[-1] == "matched"


async def test_a_subscriber_is_called_for_each_step(tmp_path: Path, migrated: Migrated) -> None:
    clock.step_to(NOW)
    await migrated.sqlite("referrals", tmp_path / "referrals.sqlite")
    async with endpoint() as hook:
        store = Database.open(f"sqlite:///{tmp_path / 'referrals.sqlite'}")
        async with desk_on(store, tmp_path, hook_origins={TRIAL: [hook.url]}) as desk:
            await subscribed(desk, subscription(hook.url), who=TRIAL)
            await settle(desk)
            await played(desk, request("outcome-matched"))
            told = [kind for kind, _, _ in hook.told()]

    assert told[0] == "handshake" and told.count("event-notification") >= 3


async def test_pipes_are_answered_and_played_alike(small: Desk) -> None:
    async with line(small, TRIAL) as port:
        answer = await answered(port, message(RF1=SEGMENTS["RF1"].replace("R-1^EPIC", "outcome-matched-5^EPIC")))
    await until(small, NOW + 10 * PAUSE)

    assert str(answer.segment("MSA")[1]) == "AA"
    assert (await small.told(TRIAL))[-1]["businessStatus"]["coding"][0]["code"] == "matched"


async def test_a_play_goes_on_once_however_often_its_timer_rings(small: Desk) -> None:
    answer = await small.refer(request("outcome-offered-1"), who=TRIAL)
    real = await small.refer(request())
    for _ in range(2):
        await small.hear(OutcomeFellDue(referral_id=answer.json()["id"], step=1))
    await small.hear(OutcomeFellDue(referral_id=real.json()["id"], step=1), OutcomeFellDue(referral_id=uuid4(), step=0))

    states = [each["businessStatus"]["coding"][0]["code"] for each in await small.told(TRIAL)]
    assert states == ["accepted", "offered"]
    assert [each["businessStatus"]["coding"][0]["code"] for each in await small.told()] == ["accepted"]


@pytest.mark.parametrize("was", [TRIAL, "general-hospital"])
async def test_an_organisation_that_was_for_tests_stays_so_and_one_of_people_too(
    database: Database, tmp_path: Path, was: str
) -> None:
    clock.step_to(NOW)
    async with desk_on(database, tmp_path) as desk:
        await desk.refer(request(), who=was)
        programme = desk.service.programme
        newer = programme.organisations[was].model_copy(update={"test": was != TRIAL})
        changed = Programme(sites=programme.sites, organisations={**programme.organisations, was: newer})

        with pytest.raises(ValueError, match=f"{was}.test has changed"):
            programme.adopt(changed)

        programme.organisations[was] = newer
        async with desk.service.database.reading() as db:
            with pytest.raises(Misfit, match=f"organisations.{was}.test"):
                await desk.service.refuse_misfit(db)


async def test_an_organisation_with_referrals_may_not_be_lost_from_the_programme(
    database: Database, tmp_path: Path
) -> None:
    clock.step_to(NOW)
    async with desk_on(database, tmp_path) as desk:
        await desk.refer(request(), who=TRIAL)
        del desk.service.programme.organisations[TRIAL]

        async with desk.service.database.reading() as db:
            with pytest.raises(Misfit, match=f"has lost {TRIAL}"):
                await desk.service.refuse_misfit(db)


def test_only_those_who_refer_may_be_for_tests() -> None:
    site = {"site_id": "main", "public_name": "Main", "phone": "555-0100"}
    for kind in ("payer", "agency"):
        one = {"organisation_id": "one", "name": "One", "kind": kind, "test": True}
        with pytest.raises(ValueError, match=r"organisations\.one\.test is for hospital, clinic, community"):
            Programme.model_validate({"sites": {"main": site}, "organisations": {"one": one}})


def numbered(value: str) -> ReferralOrder:
    """A referral with a number, in our own words."""
    return order(identifier={"value": value}, person=person())


def test_an_outcome_is_read_to_the_end_of_its_name() -> None:
    assert outcome_of(numbered("outcome-crisis")) == outcome_of(numbered("outcome-crisis-17")) == "crisis"
    assert outcome_of(numbered("outcome-crisis-cleared-17")) == "crisis-cleared"
    assert outcome_of(numbered("an-outcome-crisis")) is None
    for wrong in ("outcome-", "outcome-crisisx", "outcome-7"):
        with pytest.raises(UnknownOutcome):
            outcome_of(numbered(wrong))
