"""What is told without a consent, because the law lets or makes people tell it, is written down and accounted for."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.referrals.store.tables import reports
from shared import clock
from shared.mailbox.tables import outbox
from tests.referrals.makers import NOW, Desk, request

EMERGENCY: dict[str, Any] = {
    "ground": "medical_emergency",
    "by": "Kim Lee",
    "recipient": "Dr Ruiz, emergency department",
    "nature": "takes methadone",
    "at": "2026-03-01T12:00:00Z",
}


REPORT = {"ground": "mandated_report", "recipient": "Child protection, county", "nature": "a bruise, and fear"}


async def tell(desk: Desk, referral_id: str, **changes: Any) -> Any:
    """Write down what was told of the person of a referral."""
    path = f"/people/{await desk.person(referral_id)}/reports"
    return await desk.ask("POST", path, who="agency", json=EMERGENCY | changes)


async def suspect(desk: Desk, referral_id: str) -> Any:
    """Say that something may have to be reported."""
    path = f"/people/{await desk.person(referral_id)}/mandated-report"
    return await desk.ask("POST", path, who="agency", json={"by": "Kim Lee", "note": "a bruise, and fear"})


async def tasks(desk: Desk) -> list[tuple[str, str, Any]]:
    """What somebody must report: who, and by when."""
    return [(each.about, each.owner, each.due) for each in await desk.work() if each.kind == "mandated_report"]


async def test_in_a_medical_emergency_it_is_recorded_who_told_whom_what_and_when(desk: Desk) -> None:
    mine = await desk.referred(request())

    told = [await tell(desk, mine) for _ in range(2)]

    assert [each.status_code for each in told] == [201, 201]
    account = await desk.account(mine)
    assert account["reports"] == [EMERGENCY]
    path = f"/people/{await desk.person(mine)}/disclosures?format=csv"
    table = list(csv.DictReader(io.StringIO((await desk.ask("GET", path, who="agency")).text)))
    (row,) = [each for each in table if each["way"] == "person"]
    assert (row["name"], row["purpose"], row["what"]) == (
        EMERGENCY["recipient"],
        "medical_emergency",
        "takes methadone",
    )
    assert (row["first_at"], row["times"]) == (EMERGENCY["at"], "1")


async def test_what_was_told_in_an_emergency_is_sealed_and_leaves_the_service_nowhere(desk: Desk) -> None:
    mine = await desk.referred(request())
    await tell(desk, mine)
    await suspect(desk, mine)

    async with desk.service.database.reading() as db:
        (kept,) = (await db.execute(select(reports.c.report_id, reports.c.nature))).all()
        raw = str((await db.exec_driver_sql("select * from reports")).all())
        said = str((await db.execute(select(outbox.c.body, outbox.c.subject))).all())
    assert kept.nature == "takes methadone"
    assert not any(word in raw + said for word in ("methadone", "Ruiz", "Kim Lee", "bruise"))
    theirs = (await desk.ask("GET", f"/referrals/{mine}/timeline")).json()
    assert "told_without_consent" not in [each["what"] for each in theirs]


async def test_what_must_be_reported_is_a_task_with_a_clock_until_the_report_is_written_down(desk: Desk) -> None:
    clock.step_to(NOW)
    mine = await desk.referred(request())
    person = await desk.person(mine)

    answer = await suspect(desk, mine)

    assert answer.status_code == 201
    ((about, owner, due),) = await tasks(desk)
    assert (about.split()[0], owner, due) == (person, "Kim Lee", NOW + timedelta(hours=24))
    await tell(desk, mine)
    assert len(await tasks(desk)) == 1, "an emergency is another matter"
    await tell(desk, mine, **REPORT, task_id=answer.json()["task_id"])
    assert await tasks(desk) == []
    assert (await tell(desk, mine, **REPORT, task_id=answer.json()["task_id"])).status_code == 201


async def test_each_suspicion_is_a_task_of_its_own_and_a_report_settles_the_one_it_names(desk: Desk) -> None:
    mine = await desk.referred(request())
    path = f"/people/{await desk.person(mine)}/mandated-report"
    bruise = (await suspect(desk, mine)).json()
    neglect = (await desk.ask("POST", path, who="agency", json={"by": "Ray", "note": "no food in the house"})).json()

    again = (await suspect(desk, mine)).json()
    await tell(desk, mine, **REPORT, task_id=bruise["task_id"])

    assert again["task_id"] == bruise["task_id"] != neglect["task_id"]
    assert [owner for _, owner, _ in await tasks(desk)] == ["Ray"]


async def test_a_report_settles_no_other_task(small: Desk) -> None:
    mine = await small.referred(request(answer=None))
    (screening,) = await small.work()

    for other in (screening.task_id, uuid4()):
        answer = await tell(small, mine, **REPORT, task_id=str(other))
        assert (answer.status_code, answer.json()["errors"][0]["where"]) == (409, "body.task_id")

    assert len(await small.work()) == 1
    assert (await small.account(mine))["reports"] == []


async def test_what_was_told_is_written_down_once_however_often_it_is_posted(desk: Desk) -> None:
    mine = await desk.referred(request())

    for _ in range(2):
        await tell(desk, mine)

    lines = (await desk.ask("GET", f"/referrals/{mine}/timeline", who="agency")).json()
    assert [each["what"] for each in lines].count("told_without_consent") == 1


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"ground": "curiosity"}, "body.ground"),
        ({"recipient": " "}, "body.recipient"),
        ({"nature": ""}, "body.nature"),
        ({"at": "2999-01-01T00:00:00Z"}, "body.at"),
        ({"at": "2026-03-01T12:00:00"}, "body.at"),
        ({"consent": "yes"}, "body.consent"),
    ],
)
async def test_a_report_that_is_not_whole_is_refused_where_it_is_wrong(
    small: Desk, changes: dict[str, Any], where: str
) -> None:
    mine = await small.referred(request())

    answer = await tell(small, mine, **changes)

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, where)
    assert (await small.account(mine))["reports"] == []


async def test_only_the_programme_writes_down_what_it_told_and_only_of_people_it_knows(small: Desk) -> None:
    mine = await small.referred(request())
    person = await small.person(mine)

    for path, body in (("reports", EMERGENCY), ("mandated-report", {"by": "Kim Lee", "note": "a bruise"})):
        theirs = await small.ask("POST", f"/people/{person}/{path}", json=body)
        nobody = await small.ask("POST", f"/people/{uuid4()}/{path}", who="agency", json=body)
        assert (theirs.status_code, nobody.status_code) == (403, 404)
    assert await tasks(small) == []
