"""The rules of consent (HIPAA, 42 CFR Part 2), each through a real edge and a real store."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from services.referrals.reading import OURS
from shared import clock
from shared.events.referrals import ConsentGiven, ConsentRevoked, ReferralAccepted
from shared.mailbox.tables import outbox
from tests.referrals.makers import NOW, SNOMED, Desk, consent, order, patient, request
from tests.referrals.pipes import event, message
from tests.referrals.test_following import facts
from tests.referrals.test_mllp import answered, line

ALCOHOL = [{"coding": [{"system": SNOMED, "code": "7200002"}]}]
LABEL = [{"code": "42CFRPart2"}]
PAPER: dict[str, Any] = {
    "by": "Kim Lee",
    "signed_by": "self",
    "recipients": ["silent-centre"],
    "purposes": ["treatment"],
    "scope": "what became of the referral: words consent-2, en",
    "document": "binder 7, page 12",
    "signed_at": "2026-03-01T12:00:00Z",
}


def covering(**provision: Any) -> dict[str, Any]:
    """Ana's consent that names records under Part 2, in whose words it is signed."""
    told = {"purpose": [{"code": "TREAT"}], "securityLabel": LABEL} | provision
    return consent(provision=told, category=[{"text": "Progress only"}])


async def accepted(desk: Desk) -> dict[str, Any]:
    """What other services say of the only referral that was accepted."""
    (fact,) = await desk.said(ReferralAccepted)
    return facts(fact)


async def business(desk: Desk, referral_id: str, **rest: Any) -> str:
    """Our code in a Task, as its referrer reads it."""
    return str((await desk.task(referral_id, **rest))["businessStatus"]["coding"][0]["code"])


async def agree(desk: Desk, referral_id: str, **changes: Any) -> Any:
    """Keep a paper that the person signed."""
    path = f"/people/{await desk.person(referral_id)}/consents"
    return await desk.ask("POST", path, who="agency", json=PAPER | changes)


async def revoke(desk: Desk, referral_id: str) -> None:
    """Take every consent of the person back."""
    await desk.ask("POST", f"/referrals/{referral_id}/consent-revoked", who="agency", json={"by": "Kim"})


async def times(desk: Desk, referral_id: str) -> dict[tuple[str, str], int]:
    """How often a referrer was told what, by which way."""
    rows = (await desk.account(referral_id))["disclosures"]
    return {(each["way"], each["what"]): each["times"] for each in rows}


@pytest.mark.parametrize(
    "words",
    [
        request(meta={"security": LABEL}),
        request(contained=[patient(meta={"security": LABEL})]),
        request(reasonCode=ALCOHOL),
        request(reasonCode=[{"text": "Sobriety"}]),
        request(note=[{"text": "She drinks heavily since the spring."}]),
        request(note=[{"text": "Dos recaídas desde mayo; toma metadona."}]),
        request(reasonCode=[{"text": "Abuso de sustancias"}]),
    ],
)
async def test_each_referral_carries_a_part2_label_from_its_sender_or_from_what_it_is_for(
    small: Desk, words: dict[str, Any]
) -> None:
    await small.referred(words)

    (fact,) = await small.said(ReferralAccepted)
    assert fact.part2


@pytest.mark.parametrize("later", [{"meta": {"security": LABEL}}, {"reasonCode": ALCOHOL}])
async def test_a_label_or_a_reason_that_comes_later_protects_from_then_on(desk: Desk, later: dict[str, Any]) -> None:
    referral_id = await desk.referred(request())
    await desk.hear((await accepted(desk))["match"])
    assert await business(desk, referral_id) == "matched"

    await desk.refer(request(**later))
    await desk.refer(request())

    assert await business(desk, referral_id) == "accepted"
    assert {each["businessStatus"]["text"] for each in await desk.told()} == {"Accepted"}
    read = [each for each in (await desk.account(referral_id))["disclosures"] if each["way"] == "fhir"]
    assert {each["what"]: each["part2"] for each in read} == {"matched": False, "accepted": True}


async def test_a_label_that_comes_while_a_referral_is_held_goes_with_it(small: Desk) -> None:
    referral_id = await small.referred(request(answer=None))
    await small.refer(request(answer=None, meta={"security": LABEL}))

    cleared = {"by": "Kim", "reason": "looked", "outcome": "clear"}
    await small.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=cleared)

    (fact,) = await small.said(ReferralAccepted)
    assert fact.part2


async def test_what_an_older_version_kept_as_not_protected_is_judged_by_its_words(desk: Desk) -> None:
    referral_id = await desk.referred(request(reasonCode=ALCOHOL))
    async with desk.service.database.transaction() as db:
        await db.execute(text("update referrals set part2 = :not_so"), {"not_so": False})

    await desk.hear((await accepted(desk))["match"])

    assert await business(desk, referral_id) == "accepted"


async def test_part2_records_need_a_consent_that_names_them_and_an_agreement_is_none(desk: Desk) -> None:
    agreed = await desk.referred(request(reasonCode=ALCOHOL, contained=[patient(), consent()]))
    await desk.hear((await accepted(desk))["match"])

    assert await business(desk, agreed) == "accepted"


async def test_without_consent_what_is_not_said_leaves_no_trace_outward(desk: Desk) -> None:
    referral_id = await desk.referred(request(contained=[patient()]), who="silent-centre")
    before = await desk.task(referral_id, who="silent-centre")
    for each in (await accepted(desk)).values():
        await desk.hear(each)

    assert await desk.task(referral_id, who="silent-centre") == before
    assert len(await desk.told("silent-centre")) == 1


async def test_the_consent_is_asked_for_at_every_edge(desk: Desk) -> None:
    """The status stream, a Task that is read or found, a timeline, and an answer over MLLP."""
    async with line(desk, "silent-centre") as port:
        await answered(port, message())
        said = await accepted(desk)
        await desk.hear(said["match"], said["series"])
        referral_id = str(said["match"].referral_id)
        silent: dict[str, Any] = {"who": "silent-centre"}

        read = await business(desk, referral_id, **silent)
        found = (await desk.ask("GET", f"/fhir/Task?_id={referral_id}", **silent)).json()["entry"][0]["resource"]
        timeline = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", **silent)).json()
        rri = str(await answered(port, message(MSH=event("I15"))))

    assert (read, found["businessStatus"]["coding"][0]["code"]) == ("accepted", "accepted")
    assert {each["what"] for each in timeline} == {"received", "accepted"}
    assert "Accepted" in rri and "supporter" not in rri and "visit" not in rri
    assert [each["businessStatus"]["text"] for each in await desk.told("silent-centre")] == ["Accepted"]


async def test_a_consent_counts_for_whom_and_what_it_names_and_until_it_ends(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="silent-centre")
    await desk.hear((await accepted(desk))["match"])
    seen = []
    for changes in (
        {"recipients": ["garden-health"]},
        {"purposes": ["payment"]},
        {"expires_at": "2026-03-02T16:00:00Z"},
        {"expires_at": "2026-03-09T12:00:00Z"},
    ):
        assert (await agree(desk, referral_id, **changes)).status_code == 201
        seen.append(await business(desk, referral_id, who="silent-centre"))
    clock.step_to(NOW + timedelta(days=7))

    assert seen == ["accepted", "accepted", "accepted", "matched"]
    assert await business(desk, referral_id, who="silent-centre") == "accepted"


@pytest.mark.parametrize(
    "changes",
    [
        {"provision": {"purpose": [{"code": "HRESCH"}]}},
        {"scope": {"coding": [{"code": "research"}]}},
        {"provision": {"provision": [{"type": "deny"}]}},
        {"provision": {"action": [{"coding": [{"code": "collect"}]}]}},
        {"provision": {"class": [{"code": "Observation"}]}},
        {"verification": [{"verified": False}]},
        {"modifierExtension": [{"url": "urn:not"}]},
    ],
    ids=str,
)
async def test_a_consent_about_something_else_or_with_exceptions_lets_nobody_know_anything(
    small: Desk, changes: dict[str, Any]
) -> None:
    await small.referred(request(contained=[patient(), consent(**changes)]), who="silent-centre")

    assert await small.said(ReferralAccepted) and await small.said(ConsentGiven) == []


@pytest.mark.parametrize("no", [{"provision": {"type": "deny"}}, {"status": "rejected"}], ids=str)
async def test_who_says_that_nobody_is_told_is_heard_before_what_was_agreed_with_the_referrer(
    small: Desk, no: dict[str, Any]
) -> None:
    await small.referred(request(contained=[patient(), consent(), consent(**no)]))

    assert await small.said(ReferralAccepted) and await small.said(ConsentGiven) == []


async def test_a_consent_that_is_still_to_begin_lets_nobody_know_anything(desk: Desk) -> None:
    begins = {"period": {"start": "2026-03-03"}}
    waits, runs = covering(**begins), covering(period={"start": "2026-03-02"})
    await desk.referred(request(reasonCode=ALCOHOL, contained=[patient(), waits]))
    await desk.referred(request(reasonCode=ALCOHOL, contained=[patient(), runs], identifier=[{"value": "another"}]))

    given = [each for each in await desk.said(ConsentGiven) if each.part2]

    assert len(given) == 1


async def test_one_consent_covers_treatment_payment_and_operations_until_it_is_taken_back(desk: Desk) -> None:
    await desk.referred(request(reasonCode=ALCOHOL, contained=[patient(), covering(purpose=[])]))

    given = [each for each in await desk.said(ConsentGiven) if each.part2]

    assert [(sorted(each.purposes), each.expires_at) for each in given] == [
        (["operations", "payment", "treatment"], None)
    ]


async def test_each_disclosure_by_consent_carries_the_part2_notice_and_what_the_consent_covers(desk: Desk) -> None:
    referral_id = await desk.referred(request(reasonCode=ALCOHOL, contained=[patient(), covering()]))
    async with line(desk) as port:
        await desk.hear((await accepted(desk))["match"])
        asked = message(MSH=event("I15"), RF1="RF1||||||R-1^urn:hospital")
        rri = str(await answered(port, asked))

    task, streamed = await desk.task(referral_id), (await desk.told())[-1]
    covers = "Progress only; to general-hospital for treatment; signed 2026-02-01, until it is taken back in writing"
    for each in (task, streamed):
        assert each["meta"]["security"][0]["code"] == "42CFRPart2"
        assert each["note"][0]["text"] == (
            f"42 CFR part 2 prohibits unauthorized use or disclosure of these records. Consent scope: {covers}."
        )
    assert "42 CFR part 2 prohibits" in rri and "Progress only" in rri and "42CFRPart2" in rri


async def test_a_match_is_told_as_connected_for_it_would_disclose_by_itself(desk: Desk) -> None:
    referral_id = await desk.referred(request(reasonCode=ALCOHOL, contained=[patient(), covering()]))
    for each in (await accepted(desk)).values():
        await desk.hear(each)

    task = await desk.task(referral_id)

    assert (task["status"], task["businessStatus"]["text"]) == ("accepted", "Connected with a peer service")
    assert "output" not in task
    (row,) = [each for each in (await desk.account(referral_id))["disclosures"] if each["way"] == "fhir"]
    assert (row["what"], row["part2"], row["consent_id"] is not None) == ("connected", True, True)


async def test_taking_consent_back_stops_the_next_telling_and_keeps_what_was_told(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = await accepted(desk)
    await desk.hear(said["match"])
    await desk.task(referral_id)
    before = await times(desk, referral_id)

    await revoke(desk, referral_id)
    await desk.hear(said["series"], said["first"])

    assert await business(desk, referral_id) == "accepted"
    assert (await desk.told())[-1]["businessStatus"]["text"] == "Accepted"
    assert before == {("stream", "accepted"): 1, ("stream", "matched"): 1, ("fhir", "matched"): 1}
    assert await times(desk, referral_id) == before | {("stream", "accepted"): 2, ("fhir", "accepted"): 1}
    assert all(each["revoked_at"] for each in (await desk.account(referral_id))["consents"])


@pytest.mark.parametrize(
    ("written", "told"),
    [("2026-03-02T09:00:00Z", "accepted"), ("2026-03-03T09:00:00Z", "waitlisted")],
    ids=["before", "after"],
)
async def test_what_was_taken_back_is_not_given_again_by_a_referral_that_was_written_before(
    desk: Desk, written: str, told: str
) -> None:
    first = await desk.referred(request("R-1"))
    await revoke(desk, first)
    clock.step_to(NOW + timedelta(days=1))
    signed = consent(dateTime="2026-02-01", provision={"type": "permit"})
    await desk.referred(request("R-2", authoredOn=written, contained=[patient(), signed]))
    for fact in await desk.said(ReferralAccepted):
        await desk.hear(facts(fact)["waitlisted"])

    assert await business(desk, first) == told


async def test_taking_consent_back_stops_also_what_was_said_and_has_not_left_yet(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    await desk.hear((await accepted(desk))["match"])
    assert [each["businessStatus"]["text"] for each in await desk.told()] == ["Accepted", "A supporter is found"]

    await revoke(desk, referral_id)

    async with desk.service.database.reading() as db:
        wanted = select(outbox.c.body).where(outbox.c.subject == "status.general-hospital.referral.v1")
        bodies = [json.loads(each) for each in (await db.execute(wanted)).scalars()]
    assert {each["businessStatus"]["text"] for each in bodies} == {"Accepted"}
    assert {each["id"] for each in bodies} == {referral_id}


async def test_a_consent_has_versions_each_kept_as_it_was_signed(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="silent-centre")
    await desk.hear((await accepted(desk))["match"])

    first = (await agree(desk, referral_id)).json()["consent_id"]
    narrower = {"purposes": ["payment"], "replaces": first, "signed_at": "2026-03-02T12:00:00Z"}
    second = await agree(desk, referral_id, **narrower)
    again = await agree(desk, referral_id, **narrower)

    assert (second.status_code, again.json()) == (201, second.json())
    versions = (await desk.account(referral_id))["consents"]
    assert [(each["consent_id"], each["purposes"]) for each in versions] == [
        (first, ["treatment"]),
        (second.json()["consent_id"], ["payment"]),
    ]
    assert [each["revoked_at"] is None for each in versions] == [False, True]
    assert [each.consent_id for each in await desk.said(ConsentRevoked)] == [UUID(first)]
    assert await business(desk, referral_id, who="silent-centre") == "accepted"


async def in_force(desk: Desk, referral_id: str) -> list[str]:
    """The versions that count, of a person's consents."""
    versions = (await desk.account(referral_id))["consents"]
    return [each["consent_id"] for each in versions if each["revoked_at"] is None]


async def test_a_paper_that_was_kept_before_still_ends_the_version_that_it_replaces(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="silent-centre")
    await desk.hear((await accepted(desk))["match"])
    wide = (await agree(desk, referral_id)).json()["consent_id"]
    narrow = {"purposes": ["payment"]}
    first = (await agree(desk, referral_id, **narrow)).json()["consent_id"]

    answers = [await agree(desk, referral_id, **narrow, replaces=wide) for _ in range(2)]
    itself = await agree(desk, referral_id, **narrow, replaces=first)

    assert [(each.status_code, each.json()["consent_id"]) for each in (*answers, itself)] == [(201, first)] * 3
    assert await in_force(desk, referral_id) == [first]
    assert [each.consent_id for each in await desk.said(ConsentRevoked)] == [UUID(wide)]
    assert await business(desk, referral_id, who="silent-centre") == "accepted"


async def test_a_version_is_replaced_once_and_the_next_paper_must_name_the_one_in_force(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="silent-centre")
    first = (await agree(desk, referral_id)).json()["consent_id"]
    second = (await agree(desk, referral_id, purposes=["payment"], replaces=first)).json()["consent_id"]

    late = await agree(desk, referral_id, purposes=["operations"], replaces=first)

    assert late.status_code == 409
    assert await in_force(desk, referral_id) == [second]


async def test_a_consent_that_was_taken_back_is_signed_anew_or_stays_so(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="silent-centre")
    await agree(desk, referral_id)
    await revoke(desk, referral_id)

    same = await agree(desk, referral_id)
    anew = await agree(desk, referral_id, signed_at="2026-03-02T13:00:00Z")

    assert (same.status_code, anew.status_code) == (409, 201)


@pytest.mark.parametrize("missing", ["recipients", "purposes", "scope", "document", "signed_at", "signed_by", "by"])
async def test_a_consent_holds_who_may_be_told_what_why_and_when_it_was_signed(small: Desk, missing: str) -> None:
    referral_id = await small.referred(request())
    paper = {name: each for name, each in PAPER.items() if name != missing}

    answer = await small.ask("POST", f"/people/{await small.person(referral_id)}/consents", who="agency", json=paper)

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, f"body.{missing}")


async def test_only_the_programme_keeps_consents_and_only_of_people_it_knows(small: Desk) -> None:
    referral_id = await small.referred(request())
    path = f"/people/{await small.person(referral_id)}/consents"

    by_hospital = await small.ask("POST", path, json=PAPER)
    nobody = await small.ask("POST", f"/people/{referral_id}/consents", who="agency", json=PAPER)
    of_another = await agree(small, referral_id, replaces=referral_id)

    assert [each.status_code for each in (by_hospital, nobody, of_another)] == [403, 404, 409]


async def test_no_name_number_or_word_of_a_person_is_in_what_every_service_hears(desk: Desk) -> None:
    """What somebody lives with, as a code, is in the one fact that matching and scheduling need; and there alone."""
    words = order(needs={"challenges": ["alcohol"]}, notes=["Canary words"]).model_dump(mode="json", exclude_none=True)
    await desk.post_on_bus(words, media=OURS)

    async with desk.service.database.reading() as db:
        rows = (await db.execute(select(outbox.c.subject, outbox.c.key, outbox.c.body))).all()

    everybodys = [row for row in rows if not row.subject.startswith("sealed.")]
    assert [row.subject for row in everybodys if b"Ana" in row.body or b"5550123" in row.body] == []
    assert [row.subject for row in rows if b"Canary" in row.body] == []
    assert [row.subject for row in rows if "alcohol" in row.subject or "alcohol" in row.key] == []
    assert {row.subject.split(".")[1] for row in rows if b"alcohol" in row.body} == {"referral-accepted"}
