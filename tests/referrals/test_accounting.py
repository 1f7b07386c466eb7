"""Whatever leaves towards an organisation is written down first: who, what, on which consent, when, how often."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from shared import clock
from shared.database import Database
from shared.events.referrals import ReferralAccepted
from tests.referrals.endpoints import endpoint, settle, subscribed, subscription
from tests.referrals.makers import NOW, Desk, bundle, desk_on, patient, request
from tests.referrals.pipes import event, message
from tests.referrals.test_clocks import DAY
from tests.referrals.test_discharges import leaving
from tests.referrals.test_following import facts
from tests.referrals.test_mllp import answered, line

MINUTE = timedelta(minutes=1)
ALCOHOL = [{"coding": [{"code": "7200002"}]}]


def numbered(number: str) -> dict[str, Any]:
    """A person of their own."""
    return patient(identifier=[{"system": "urn:hospital:mrn", "value": number}])


async def matched(desk: Desk, **changes: Any) -> str:
    """A referral that somebody walks beside, by whose agreement the hospital may know."""
    referral_id = await desk.referred(request(**changes))
    (accepted,) = await desk.said(ReferralAccepted)
    clock.step_to(NOW + MINUTE)
    await desk.hear(facts(accepted)["match"])
    return referral_id


async def told(desk: Desk, referral_id: str) -> list[tuple[str, str, bool, int]]:
    """By which way, what, whether it took a consent, and how often."""
    rows = (await desk.account(referral_id))["disclosures"]
    assert {each["recipient"] for each in rows} <= {"general-hospital"}
    return sorted((each["way"], each["what"], each["consent_id"] is not None, each["times"]) for each in rows)


async def test_the_status_stream_is_accounted_for_by_the_consent_it_took(desk: Desk) -> None:
    referral_id = await matched(desk)

    account = await desk.account(referral_id)

    (consent,) = account["consents"]
    assert (consent["recipients"], consent["purposes"]) == (["general-hospital"], ["treatment"])
    first, second = account["disclosures"]
    assert (first["way"], first["what"], first["consent_id"]) == ("stream", "accepted", None)
    assert (second["way"], second["what"], second["consent_id"]) == ("stream", "matched", consent["consent_id"])
    assert (second["recipient"], second["name"], second["purpose"]) == ("general-hospital",) * 2 + ("treatment",)
    assert (second["part2"], second["times"], second["first_at"]) == (False, 1, "2026-03-02T17:01:00Z")


async def test_reading_and_searching_a_task_is_accounted_for_each_time(desk: Desk) -> None:
    referral_id = await matched(desk)

    await desk.task(referral_id)
    clock.step_to(NOW + timedelta(hours=1))
    await desk.ask("GET", "/fhir/Task", params={"identifier": "urn:hospital|R-1", "_include": "Task:focus"})
    await desk.ask("POST", "/fhir/Task/_search", data={"_id": referral_id})

    rows = (await desk.account(referral_id))["disclosures"]
    (read,) = [each for each in rows if each["way"] == "fhir"]
    assert (read["what"], read["times"]) == ("matched", 3)
    assert (read["first_at"], read["last_at"]) == ("2026-03-02T17:01:00Z", "2026-03-02T18:00:00Z")


async def test_what_a_search_looks_at_and_does_not_show_is_not_accounted_for(desk: Desk) -> None:
    referral_id = await matched(desk)

    await desk.ask("GET", "/fhir/Task", params={"status": "completed"})
    await desk.ask("GET", f"/fhir/Task/{referral_id}", who="silent-centre")
    await desk.ask("GET", f"/fhir/ServiceRequest/{referral_id}")

    assert [each[0] for each in await told(desk, referral_id)] == ["stream", "stream"]


async def test_who_has_the_version_that_there_is_already_is_told_nothing(desk: Desk) -> None:
    referral_id = await matched(desk)
    tag = (await desk.ask("GET", f"/fhir/Task/{referral_id}")).headers["etag"]
    before = await told(desk, referral_id)

    again = await desk.ask("GET", f"/fhir/Task/{referral_id}", headers={"if-none-match": tag})

    assert again.status_code == 304
    assert await told(desk, referral_id) == before
    assert ("fhir", "matched", True, 1) in before


async def test_an_echo_is_accounted_for_where_it_tells_of_danger_and_nowhere_else(desk: Desk) -> None:
    safe = await desk.referred(request())
    flagged = (await desk.refer(request("R-2", answer="flagged"))).json()["id"]
    for each in (safe, flagged):
        await desk.ask("GET", f"/fhir/ServiceRequest/{each}")
    found = await desk.ask("GET", "/fhir/Task", params={"_id": flagged, "_include": "Task:focus"})

    assert "call or text 988" in found.text
    assert await told(desk, flagged) == [
        ("fhir", "crisis_review", False, 4),
        ("stream", "accepted", False, 1),
        ("stream", "crisis_review", False, 1),
    ]


async def test_every_answer_that_holds_a_task_is_accounted_for(desk: Desk) -> None:
    cancel = [{"op": "replace", "path": "/status", "value": "cancelled"}]
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "focus": {"reference": "#asked"},
        "contained": [request("R-1", contained=None) | {"id": "asked"}, patient()],
    }

    referral_id = (await desk.refer(task, path="/fhir/Task")).json()["id"]
    await desk.refer(
        cancel,
        method="PATCH",
        path=f"/fhir/Task/{referral_id}",
        headers={"content-type": "application/json-patch+json"},
    )

    assert await told(desk, referral_id) == [
        ("fhir", "accepted", True, 1),
        ("fhir", "withdrawn", False, 1),
        ("stream", "accepted", False, 1),
        ("stream", "withdrawn", False, 1),
    ]


async def test_who_must_act_is_told_by_a_consent_and_accounted_for_with_it(desk: Desk) -> None:
    agreed = await desk.referred(request("R-1"))
    silent = await desk.referred(request("R-2"), who="silent-centre")

    shown = await desk.task(agreed)
    hidden = await desk.task(silent, who="silent-centre")

    assert "restriction" in shown and "restriction" not in hidden
    assert await told(desk, agreed) == [("fhir", "accepted", True, 1), ("stream", "accepted", False, 1)]
    rows = (await desk.account(silent))["disclosures"]
    assert {each["consent_id"] for each in rows if each["recipient"] == "silent-centre"} == {None}


async def test_who_is_told_of_a_closure_is_accounted_for(desk: Desk) -> None:
    ours, theirs = [await desk.referred(request(each, contained=[numbered(each)])) for each in ("R-1", "R-2")]
    await desk.ask("POST", f"/referrals/{ours}/closure", who="agency", json={"by": "Kim", "reason": "no_place"})
    await desk.ask("POST", f"/referrals/{theirs}/closure", who="agency", json={"by": "Kim", "reason": "unreachable"})

    assert ("stream", "closed", False, 1) in await told(desk, ours)
    assert ("stream", "closed", True, 1) in await told(desk, theirs)


async def test_who_is_counted_in_a_figure_for_a_hospital_is_accounted_for_each_time(desk: Desk) -> None:
    agreed = await desk.referred(leaving(NOW.date() - 2 * DAY, "R-1", contained=[numbered("M-1")]))
    protected = await desk.referred(leaving(NOW.date() - DAY, "R-2", contained=[numbered("M-2")], reasonCode=ALCOHOL))
    elsewhere = await desk.referred(leaving(NOW.date() - 300 * DAY, "R-3", contained=[numbered("M-3")]))

    for _ in range(2):
        await desk.ask("GET", "/follow-up")
    clock.step_to(NOW + 20 * DAY)
    await desk.ask("GET", "/follow-up")

    assert [each for each in await told(desk, agreed) if each[0] == "follow_up"] == [
        ("follow_up", "not_seen", True, 1),
        ("follow_up", "waiting", True, 2),
    ]
    assert [each for each in await told(desk, protected) if each[0] == "follow_up"] == [
        ("follow_up", "accepted", False, 3)
    ]
    assert [each for each in await told(desk, elsewhere) if each[0] == "follow_up"] == []


async def test_an_answer_over_mllp_is_accounted_for(desk: Desk) -> None:
    async with line(desk) as port:
        await answered(port, message())
        (accepted,) = await desk.said(ReferralAccepted)
        await desk.hear(facts(accepted)["match"])
        await answered(port, message(MSH=event("I15")))

    shown = [each for each in await told(desk, str(accepted.referral_id)) if each[0] == "hl7v2"]
    assert shown == [("hl7v2", "accepted", False, 1), ("hl7v2", "matched", True, 1)]


async def test_a_call_to_a_subscriber_is_accounted_for_only_where_it_names_somebody(
    database: Database, tmp_path: Path
) -> None:
    async with endpoint() as theirs, endpoint() as nameless:
        clock.step_to(NOW)
        origins = {"general-hospital": [theirs.url.rstrip("/"), nameless.url.rstrip("/")]}
        async with desk_on(database, tmp_path, hook_origins=origins) as desk:
            await subscribed(desk, subscription(theirs.url))
            await subscribed(desk, subscription(nameless.url, content="empty"))
            await settle(desk)
            referral_id = await desk.referred(request())
            await settle(desk)

            calls = [each for each in await told(desk, referral_id) if each[0] == "subscription"]

    assert calls == [("subscription", "changed", False, 1)]


async def test_a_timeline_that_a_referrer_reads_is_accounted_for(desk: Desk) -> None:
    referral_id = await matched(desk)

    await desk.ask("GET", f"/referrals/{referral_id}/timeline")
    await desk.ask("GET", f"/referrals/{referral_id}/timeline", who="agency")

    assert ("timeline", "timeline", True, 1) in await told(desk, referral_id)


async def test_what_the_programmes_own_people_see_is_told_to_nobody(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="agency")

    await desk.task(referral_id, who="agency")

    assert (await desk.account(referral_id))["disclosures"] == []


async def test_nothing_is_told_that_cannot_be_written_down(small: Desk) -> None:
    referral_id = await matched(small)
    async with small.service.database.transaction() as db:
        await db.execute(text("alter table disclosures rename to elsewhere"))

    answer = await small.ask("GET", f"/fhir/Task/{referral_id}")

    assert answer.status_code >= 500
    assert "matched" not in answer.text


async def test_the_accounting_is_given_as_a_table_to_the_person(desk: Desk) -> None:
    referral_id = await matched(desk)
    path = f"/people/{await desk.person(referral_id)}/disclosures?format=csv"

    answer = await desk.ask("GET", path, who="agency")

    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [(each["name"], each["what"], each["times"]) for each in rows] == [
        ("general-hospital", "accepted", "1"),
        ("general-hospital", "matched", "1"),
    ]


async def test_only_the_programme_is_given_an_accounting_and_that_is_written_down(desk: Desk) -> None:
    referral_id = await matched(desk)
    path = f"/people/{await desk.person(referral_id)}/disclosures"

    refused = [(await desk.ask("GET", path, who=each)).status_code for each in ("general-hospital", "garden-health")]
    nobody = await desk.ask("GET", f"/people/{uuid4()}/disclosures", who="agency")
    await desk.ask("GET", path, who="agency")

    assert (refused, nobody.status_code) == ([403, 403], 404)
    entries = (await desk.ask("GET", f"/referrals/{referral_id}/timeline", who="agency")).json()
    assert "accounted_for" in [each["what"] for each in entries]
    theirs = (await desk.ask("GET", f"/referrals/{referral_id}/timeline")).json()
    assert "accounted_for" not in [each["what"] for each in theirs]


async def test_an_accounting_holds_every_referral_of_the_person_and_nobody_elses(desk: Desk) -> None:
    mine = await desk.referred(request())
    again = await desk.referred(request("R-2"))
    other = patient(identifier=[{"system": "urn:hospital:mrn", "value": "M-2"}])
    await desk.refer(
        bundle(request("R-3", subject={"reference": "urn:uuid:x"}, contained=None), other | {"_as": "urn:uuid:x"}),
        path="/fhir",
    )

    rows = (await desk.account(mine))["disclosures"]

    assert {each["referral_id"] for each in rows} == {mine, again}
