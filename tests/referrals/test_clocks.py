"""Every open referral has one owner and a clock, and ends with a reason, or with a visit that was held."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from services.referrals.rules.clock import OWNERS, Stands, act_by, awaited
from services.referrals.rules.journey import OVER, STATES
from services.referrals.rules.seeing import CLOSED_AS
from services.referrals.store.tables import referrals
from shared import clock
from shared.database import Database
from shared.events.referrals import CrisisRaised, ReferralAccepted, ReferralClosed
from shared.programme import Site
from tests.referrals.makers import NOW, Desk, desk_on, request
from tests.referrals.test_following import facts, told_of

SITE = Site(site_id="main", public_name="Main office", phone="555-0100")
DAY = timedelta(days=1)


async def record(desk: Desk, referral_id: str) -> dict[str, Any]:
    """What the programme's own people see of a referral."""
    answer = await desk.ask("GET", f"/referrals/{referral_id}", who="agency")
    found: dict[str, Any] = answer.json()
    return found


async def acts(desk: Desk, referral_id: str) -> tuple[str, str, datetime]:
    """Who must act, for what, and by when."""
    found = await record(desk, referral_id)
    return found["owner"], found["awaits"], datetime.fromisoformat(found["act_by"])


async def pass_to(desk: Desk, moment: datetime) -> None:
    """This will let time pass, and the timers that are due then ring."""
    clock.step_to(moment)
    while await desk.service.mailbox.timers.once():
        pass


async def tasks_of(desk: Desk, referral_id: str) -> list[tuple[str, str]]:
    """The kinds and owners of what people are asked about a referral."""
    return [(each.kind, each.owner) for each in await desk.work() if each.about == referral_id]


def booked(accepted: ReferralAccepted) -> dict[str, Any]:
    """What other services say, of one series."""
    said = facts(accepted)
    series = uuid4()
    return {**said, "none": said["ended"].model_copy(update={"series_id": series, "kept": 0, "missed": 1})}


moments = some.integers(0, 366 * 24 * 60).map(lambda each: NOW + timedelta(minutes=each))
standings = some.builds(
    Stands,
    state=some.sampled_from(STATES),
    urgency=some.sampled_from(("routine", "priority", "urgent")),
    crisis_at=some.none() | moments,
    acknowledged=some.booleans(),
    discharged_on=some.none() | some.dates(NOW.date() - 30 * DAY, NOW.date() + 30 * DAY),
    first_visit=some.none() | moments,
    last_visit=some.none() | moments,
)


@settings(deadline=None)
@given(stands=standings, at=moments)
def test_whatever_is_open_has_one_owner_and_a_time_to_come(stands: Stands, at: datetime) -> None:
    if stands.state == "crisis_review" and stands.crisis_at is None:
        return

    step = awaited(stands)

    assert (step is None) == (stands.state in OVER and stands.crisis_at is None)
    if step:
        due = act_by(step, stands, SITE, at=at)
        assert OWNERS[step] and (due > at or stands.crisis_at)


async def test_the_owner_and_the_clock_go_from_hand_to_hand(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])

    found = [await acts(desk, referral_id)]
    for each in ("offer", "match", "series", "first"):
        await desk.hear(said[each])
        found.append(await acts(desk, referral_id))
    await desk.hear(said["ended"])
    over = await record(desk, referral_id)

    assert [each[:2] for each in found] == [
        ("matching", "match"), ("matching", "match"), ("scheduling", "book"), ("supporter", "meet"),
        ("supporter", "go_on"),
    ]  # fmt: skip
    assert found[0][2] == found[1][2] == datetime.fromisoformat("2026-03-09T21:00:00+00:00")
    assert (over["state"], over["owner"], over["awaits"], over["act_by"]) == ("completed", None, None, None)


@pytest.mark.parametrize(
    ("answer", "owner"),
    [(None, ("intake", "screen")), ("flagged", ("on-call", "answer")), ("none", ("matching", "match"))],
)
async def test_somebody_must_act_from_the_first_moment(desk: Desk, answer: str | None, owner: tuple[str, str]) -> None:
    referral_id = await desk.referred(request(answer=answer))

    found = await acts(desk, referral_id)

    assert found[:2] == owner


async def test_danger_is_the_on_call_persons_until_it_is_cleared(desk: Desk) -> None:
    referral_id = await desk.referred(request(answer="flagged"))
    (raised,) = await desk.said(CrisisRaised)

    by = {"by": "Kim"}
    await desk.ask("POST", f"/referrals/{referral_id}/acknowledgement", who="agency", json=by)
    taken = await acts(desk, referral_id)
    body = by | {"reason": "we spoke", "outcome": "clear"}
    await desk.ask("POST", f"/referrals/{referral_id}/screening", who="agency", json=body)

    assert taken == ("on-call", "phone", raised.raised_at + timedelta(minutes=15))
    assert (await acts(desk, referral_id))[:2] == ("matching", "match")


async def test_a_clock_that_runs_out_is_its_owners_task_once(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    await desk.hear(facts((await desk.said(ReferralAccepted))[0])["match"])
    _, _, due = await acts(desk, referral_id)

    before = await tasks_of(desk, referral_id)
    await pass_to(desk, due - timedelta(minutes=1))
    too_early = await tasks_of(desk, referral_id)
    await pass_to(desk, due + timedelta(days=9))
    listed = (await desk.ask("GET", "/referrals", who="agency", params={"overdue": "true"})).json()

    assert before == too_early == []
    assert await tasks_of(desk, referral_id) == [("overdue", "scheduling")]
    assert [each["referral_id"] for each in listed["referrals"]] == [referral_id]
    assert (await desk.figures())["referrals_overdue"] == 1


async def test_what_was_done_after_all_is_nobodys_task_any_more(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])
    await pass_to(desk, NOW + 30 * DAY)
    late = await tasks_of(desk, referral_id)

    await desk.hear(said["match"])

    assert late == [("overdue", "matching")]
    assert await tasks_of(desk, referral_id) == []
    assert (await desk.figures())["referrals_overdue"] == 0


async def test_the_task_of_a_clock_is_done_by_a_decision_and_not_by_a_tick(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    await pass_to(desk, NOW + 30 * DAY)
    (task,) = [each for each in await desk.work() if each.kind == "overdue"]

    ticked = await desk.ask("POST", f"/work/{task.task_id}/done", who="agency", json={"by": "Kim"})
    body = {"by": "Kim", "reason": "a new supporter begins", "until": (clock.now() + 3 * DAY).isoformat()}
    given = await desk.ask("POST", f"/referrals/{referral_id}/clock", who="agency", json=body)

    assert ticked.status_code == 409 and f"/referrals/{referral_id}/clock" in ticked.text
    assert given.status_code == 200 and await tasks_of(desk, referral_id) == []
    await pass_to(desk, clock.now() + 4 * DAY)
    assert await tasks_of(desk, referral_id) == [("overdue", "matching")]


@pytest.mark.parametrize("until", [NOW - DAY, NOW + 61 * DAY])
async def test_nobody_is_put_off_for_ever(desk: Desk, until: datetime) -> None:
    referral_id = await desk.referred(request())

    body = {"by": "Kim", "reason": "later", "until": until.isoformat()}
    answer = await desk.ask("POST", f"/referrals/{referral_id}/clock", who="agency", json=body)

    assert answer.status_code == 422 and "60 days" in answer.text


async def test_a_series_without_a_visit_completes_nothing_and_is_a_task_at_once(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = booked((await desk.said(ReferralAccepted))[0])

    await desk.hear(said["match"], said["series"], said["none"])

    assert await told_of(desk) == [("accepted", "accepted"), ("on-hold", "lapsed")]
    assert await tasks_of(desk, referral_id) == [("no_visit_kept", "intake")]
    assert (await acts(desk, referral_id))[:2] == ("intake", "close")


async def test_visits_that_are_booked_again_begin_again(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    accepted = (await desk.said(ReferralAccepted))[0]
    said = booked(accepted)
    await desk.hear(said["match"], said["series"], said["none"])

    again = said["series"].model_copy(update={"series_id": uuid4()})
    await desk.hear(again)
    await desk.hear(said["first"], said["ended"])

    assert [each for _, each in await told_of(desk)][-2:] == ["first_scheduled", "completed"]
    assert await tasks_of(desk, referral_id) == []


async def test_of_two_series_the_earlier_visit_to_come_is_the_first(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])
    first = said["series"].sessions[0]
    later = first.model_copy(update={"starts_at": first.starts_at + 20 * DAY, "ends_at": first.ends_at + 20 * DAY})
    await desk.hear(said["match"], said["series"])
    before = await acts(desk, referral_id)

    await desk.hear(said["series"].model_copy(update={"series_id": uuid4(), "sessions": [later]}))

    assert await acts(desk, referral_id) == before
    told = (await desk.task(referral_id))["output"]
    assert [datetime.fromisoformat(each["valueDateTime"]) for each in told] == [first.starts_at]


@pytest.mark.parametrize("reason", [each for each in CLOSED_AS if each != "linked"])
async def test_a_referral_is_closed_for_a_reason_which_its_sender_reads(desk: Desk, reason: str) -> None:
    referral_id = await desk.referred(request())
    await pass_to(desk, NOW + 30 * DAY)

    body = {"by": "Kim", "reason": reason, "note": "three calls, two letters"}
    answer = await desk.ask("POST", f"/referrals/{referral_id}/closure", who="agency", json=body)

    task = await desk.task(referral_id)
    assert answer.json()["state"] == "closed" and task == (await desk.told())[-1]
    assert task["status"] == CLOSED_AS[reason][0]
    assert task["statusReason"]["coding"][0]["code"] == reason and task["statusReason"]["text"]
    assert "three calls" not in str(await desk.told()) and "restriction" not in task
    assert [each.reason for each in await desk.said(ReferralClosed)] == [reason]
    assert await tasks_of(desk, referral_id) == []
    assert (await record(desk, referral_id))["owner"] is None


async def test_nobody_closes_what_is_under_way_in_danger_or_for_no_known_reason(desk: Desk) -> None:
    under_way = await desk.referred(request())
    await desk.hear(facts((await desk.said(ReferralAccepted))[0])["match"])
    in_danger = await desk.referred(request("R-2", answer="flagged"))

    answers = [
        await desk.ask("POST", f"/referrals/{each}/closure", who=who, json={"by": "Kim", "reason": reason})
        for each, who, reason in (
            (under_way, "agency", "declined"),
            (in_danger, "agency", "declined"),
            (under_way, "agency", "bored"),
            (under_way, "general-hospital", "declined"),
            (str(uuid4()), "agency", "declined"),
        )
    ]

    assert [each.status_code for each in answers] == [409, 409, 422, 403, 404]
    assert await desk.said(ReferralClosed) == []


async def test_without_consent_a_sender_hears_no_more_than_that_it_was_accepted(desk: Desk) -> None:
    referral_id = await desk.referred(request(), who="silent-centre")
    body = {"by": "Kim", "reason": "declined"}
    await desk.ask("POST", f"/referrals/{referral_id}/closure", who="agency", json=body)

    task = await desk.task(referral_id, who="silent-centre")

    assert await told_of(desk, "silent-centre") == [("accepted", "accepted")]
    assert task["owner"] == {"identifier": {"value": "main"}, "display": "Main office"}
    assert "restriction" not in task and "statusReason" not in task


async def test_a_sender_who_may_know_reads_who_must_act_and_by_when(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    await desk.hear(facts((await desk.said(ReferralAccepted))[0])["match"])

    task = await desk.task(referral_id)

    assert task["owner"] == {"identifier": {"value": "main"}, "display": "Main office: scheduling"}
    assert task["restriction"] == {"period": {"end": "2026-03-04T22:00:00.000Z"}}


async def test_somebody_matched_in_the_moment_of_a_closing_is_asked(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    body = {"by": "Kim", "reason": "declined"}
    await desk.ask("POST", f"/referrals/{referral_id}/closure", who="agency", json=body)

    await desk.hear(facts((await desk.said(ReferralAccepted))[0])["match"])

    assert await tasks_of(desk, referral_id) == [("matched_though_withdrawn", "intake")]


async def test_the_database_refuses_an_open_referral_without_a_clock(database: Database, tmp_path: Path) -> None:
    async with desk_on(database, tmp_path) as desk:
        referral_id = UUID(await desk.referred(request()))

        for change in ({"act_by": None}, {"awaits": None}, {"state": "completed"}):
            with pytest.raises(IntegrityError, match=r"every_open_referral|CHECK"):
                async with desk.service.database.transaction() as db:
                    which = referrals.c.referral_id == referral_id
                    await db.execute(update(referrals).where(which).values(**change))
        async with desk.service.database.reading() as db:
            assert await db.scalar(text("select count(*) from referrals where act_by is not null")) == 1


async def test_a_visit_that_was_not_kept_after_all_is_no_evidence(desk: Desk) -> None:
    await desk.referred(request())
    said = booked((await desk.said(ReferralAccepted))[0])

    await desk.hear(said["match"], said["series"], said["first"])
    await desk.hear(said["none"])

    assert (await told_of(desk))[-1] == ("on-hold", "lapsed")
    assert "First visit kept" not in str((await desk.told())[-1])
