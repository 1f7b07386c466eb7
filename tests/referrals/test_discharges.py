"""People who leave hospital: contact before they go, a visit within seven days, and a figure for who referred them."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.referrals.rules.clock import follow_up_ends
from services.referrals.rules.follow_up import Left, how
from shared import clock
from shared.events.referrals import ReferralAccepted
from shared.events.scheduling import SeatHeld, SeatMissed
from tests.referrals.makers import NOW, Desk, extension, patient, request, risk
from tests.referrals.test_clocks import SITE, acts, pass_to, tasks_of
from tests.referrals.test_following import VISIT, facts, session

SEAT = ("seat_id", "session_id", "series_id")
TODAY, DAY = NOW.date(), timedelta(days=1)


def leaving(day: date, number: str = "R-1", **changes: Any) -> dict[str, Any]:
    """A referral of somebody who leaves hospital on a day."""
    told = [risk("none"), extension("discharge-date", valueDate=day.isoformat())]
    return request(number, extension=told, **changes)


async def left(desk: Desk, who: str = "general-hospital", **query: str) -> dict[str, int]:
    """The figure, without its span."""
    answer = await desk.ask("GET", "/follow-up", who=who, params=query)
    assert answer.status_code == 200, answer.text
    return {name: each for name, each in answer.json().items() if name not in ("from", "to")}


async def test_the_owner_is_asked_two_days_before_the_seven_after_a_discharge_are_over(desk: Desk) -> None:
    referral_id = await desk.referred(leaving(TODAY - 2 * DAY))
    said = facts((await desk.said(ReferralAccepted))[0])
    far = said["series"].sessions[0].model_copy(update={"starts_at": NOW + 20 * DAY, "ends_at": NOW + 20 * DAY})
    await desk.hear(said["match"], said["series"].model_copy(update={"sessions": [far]}))
    before = await acts(desk, referral_id)

    await pass_to(desk, before[2])

    assert before == ("supporter", "meet", datetime.fromisoformat("2026-03-06T05:00:00+00:00"))
    assert await tasks_of(desk, referral_id) == [("discharge_follow_up", "supporter")]
    (task,) = await desk.work()
    assert task.due == follow_up_ends(TODAY - 2 * DAY, SITE)


async def test_who_is_still_in_hospital_is_to_be_found_somebody_before_they_leave(desk: Desk) -> None:
    referral_id = await desk.referred(leaving(TODAY + DAY))

    owner = await acts(desk, referral_id)
    await pass_to(desk, owner[2])

    assert owner == ("matching", "match", datetime.fromisoformat("2026-03-03T05:00:00+00:00"))
    assert await tasks_of(desk, referral_id) == [("contact_before_discharge", "matching")]


async def test_a_discharge_that_is_told_later_or_moved_sets_the_clock_and_asks_nobody(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    seen = [await acts(desk, referral_id)]

    for day in (TODAY + DAY, TODAY + 20 * DAY):
        assert (await desk.refer(leaving(day))).status_code == 200
        seen.append(await acts(desk, referral_id))
    await desk.refer(request())

    usual, soon, later = seen
    assert soon == ("matching", "match", datetime.fromisoformat("2026-03-03T05:00:00+00:00"))
    assert usual == later != soon
    assert await desk.work() == []
    await pass_to(desk, soon[2])
    assert await tasks_of(desk, referral_id) == []
    await pass_to(desk, later[2])
    assert await tasks_of(desk, referral_id) == [("overdue", "matching")]
    clock.step_to(NOW + 30 * DAY)
    assert (await left(desk))["discharged"] == 1, "who names no day takes none back"


async def test_a_discharge_that_moves_every_day_gives_nobody_more_time(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    usual = await acts(desk, referral_id)

    for day in (1, 2, 3):
        clock.step_to(NOW + day * DAY)
        await desk.refer(leaving(TODAY + (20 + day) * DAY))

    assert await acts(desk, referral_id) == usual
    await pass_to(desk, usual[2])
    assert await tasks_of(desk, referral_id) == [("overdue", "matching")]


async def test_what_else_is_changed_with_a_discharge_is_judged_by_a_person(desk: Desk) -> None:
    await desk.referred(request())

    await desk.refer(leaving(TODAY + DAY, note=[{"text": "Prefers mornings"}]))

    assert [each.kind for each in await desk.work()] == ["changed_referral"]


async def test_a_visit_within_seven_days_asks_nobody_anything(desk: Desk) -> None:
    referral_id = await desk.referred(leaving(TODAY - 2 * DAY))
    said = facts((await desk.said(ReferralAccepted))[0])
    await desk.hear(said["match"], said["series"], said["first"])

    await pass_to(desk, NOW + timedelta(days=3, hours=20))

    assert await tasks_of(desk, referral_id) == []
    assert (await left(desk))["within_7_days"] == 1


async def test_a_visit_in_hospital_is_welcome_and_not_the_follow_up(desk: Desk) -> None:
    referral_id = await desk.referred(leaving(TODAY + 2 * DAY))
    said = facts((await desk.said(ReferralAccepted))[0])
    before = said["first"].model_copy(update={"started_at": NOW + DAY})
    far = said["series"].sessions[0].model_copy(update={"ends_at": NOW + 60 * DAY})
    await desk.hear(said["match"], said["series"].model_copy(update={"sessions": [far]}), before)
    going_on = await acts(desk, referral_id)

    await pass_to(desk, going_on[2])
    pressed = await tasks_of(desk, referral_id)
    after = said["later"].model_copy(update={"seat_id": uuid4(), "started_at": clock.now() + timedelta(hours=1)})
    await desk.hear(after)

    assert going_on == ("supporter", "go_on", follow_up_ends(TODAY + 2 * DAY, SITE) - 2 * DAY)
    assert pressed == [("discharge_follow_up", "supporter")]
    assert await tasks_of(desk, referral_id) == []
    assert (await acts(desk, referral_id))[2] > follow_up_ends(TODAY + 2 * DAY, SITE)
    assert (await left(desk))["within_7_days"] == 1


async def test_whoever_must_act_in_the_last_of_the_seven_days_is_asked_at_once(desk: Desk) -> None:
    await desk.referred(leaving(TODAY - 6 * DAY))
    said = facts((await desk.said(ReferralAccepted))[0])
    ends = follow_up_ends(TODAY - 6 * DAY, SITE)
    far = said["series"].sessions[0].model_copy(update={"starts_at": NOW + 20 * DAY, "ends_at": NOW + 20 * DAY})
    asked: list[tuple[str, str, datetime]] = []

    for each in (None, said["match"], said["series"].model_copy(update={"sessions": [far]})):
        if each:
            await desk.hear(each)
        await pass_to(desk, clock.now() + timedelta(minutes=1))
        asked += [(each.kind, each.owner, each.due) for each in await desk.work()]

    assert asked == [("discharge_follow_up", owner, ends) for owner in ("matching", "scheduling", "supporter")]


async def test_a_visit_that_is_booked_in_the_last_of_the_seven_days_asks_nobody_before_it(desk: Desk) -> None:
    referral_id = await desk.referred(leaving(TODAY - 5 * DAY))
    said = facts((await desk.said(ReferralAccepted))[0])
    ends = follow_up_ends(TODAY - 5 * DAY, SITE)
    soon = NOW + timedelta(days=1, hours=20)
    one = said["series"].sessions[0].model_copy(update={"starts_at": soon, "ends_at": soon})
    await desk.hear(said["match"], said["series"].model_copy(update={"sessions": [one]}))

    await pass_to(desk, soon)
    before = await tasks_of(desk, referral_id)
    await pass_to(desk, ends)

    assert before == []
    assert await tasks_of(desk, referral_id) == [("discharge_follow_up", "supporter")]


@pytest.mark.parametrize("together", [False, True])
async def test_a_visit_that_was_missed_after_all_counts_no_more_until_it_was_kept_again(
    desk: Desk, together: bool
) -> None:
    referral_id = await desk.referred(leaving(TODAY - 2 * DAY))
    said = facts((await desk.said(ReferralAccepted))[0])
    first = said["first"].model_copy(update={"started_at": VISIT + timedelta(minutes=5)})
    missed = SeatMissed(**{each: getattr(first, each) for each in ("referral_id", "person_id", *SEAT)}, in_a_row=1)
    series = said["series"].model_copy(update={"sessions": [session(ends_at=NOW + 60 * DAY)]})
    clock.step_to(first.started_at + timedelta(hours=2))
    seen: list[tuple[int, bool, datetime]] = []

    for each in ([said["match"], series], [first, missed], [first, missed, first]):
        await desk.hear(*each) if together else [await desk.hear(one) for one in each]
        outputs = (await desk.task(referral_id))["output"]
        told = first.started_at in [
            datetime.fromisoformat(each["valueDateTime"]) for each in outputs if "valueDateTime" in each
        ]
        lines = (await desk.ask("GET", f"/referrals/{referral_id}/timeline")).json()
        assert told == ("first_kept" in {each["what"] for each in lines})
        seen.append(((await left(desk))["within_7_days"], told, (await acts(desk, referral_id))[2]))

    before, corrected, again = seen
    assert (before[:2], corrected[:2], again[:2]) == ((0, False), (0, False), (1, True))
    assert corrected[2] == follow_up_ends(TODAY - 2 * DAY, SITE) - 2 * DAY < again[2]


async def test_what_is_pressed_by_the_last_days_is_not_done_by_a_tick(desk: Desk) -> None:
    referral_id = await desk.referred(leaving(TODAY - 6 * DAY))
    await pass_to(desk, NOW + timedelta(minutes=1))
    (task,) = await desk.work()

    refused = await desk.ask("POST", f"/work/{task.task_id}/done", who="agency", json={"by": "Kim Lee"})

    assert refused.status_code == 409
    assert f"POST /referrals/{referral_id}/closure" in refused.text


@pytest.mark.parametrize(
    ("kept", "now", "expected"),
    [
        ("2026-03-02T23:00", "2026-03-05T12:00", "waiting"),
        ("2026-03-03T01:00", "2026-03-20T12:00", "not_seen"),
        ("2026-03-03T06:00", "2026-03-05T12:00", "within_7_days"),
        ("2026-03-10T03:59", "2026-03-20T12:00", "within_7_days"),
        ("2026-03-10T04:01", "2026-03-20T12:00", "later"),
        (None, "2026-03-10T03:59", "waiting"),
        (None, "2026-03-10T04:00", "not_seen"),
    ],
)
def test_counts_days_as_the_hospitals_own_calendar_does(kept: str | None, now: str, expected: str) -> None:
    # New York; summer time begins on 8 March: midnight is 05:00Z before it, and 04:00Z after.
    moment = datetime.fromisoformat(f"{kept}:00+00:00") if kept else None
    in_hospital = datetime.fromisoformat("2026-02-27T15:00:00+00:00")
    someone = Left(discharged_on=date(2026, 3, 2), site=SITE, kept=[in_hospital, *([moment] if moment else [])])

    found = how(someone, now=datetime.fromisoformat(f"{now}:00+00:00"))

    assert found == expected


async def test_a_hospital_counts_its_own_only_and_of_those_who_agreed(desk: Desk) -> None:
    alcohol = [{"coding": [{"code": "7200002"}]}]
    numbered = {each: patient(identifier=[{"system": "urn:hospital:mrn", "value": each}]) for each in ("M-2", "M-3")}
    await desk.referred(leaving(TODAY - 2 * DAY))
    await desk.referred(leaving(TODAY - DAY, "R-2", contained=[numbered["M-2"]]))
    await desk.referred(leaving(TODAY - DAY, "R-3", contained=[numbered["M-3"]], reasonCode=alcohol))
    await desk.referred(request("R-4"))
    await desk.referred(leaving(TODAY - DAY, "R-5"), who="silent-centre")
    first = facts((await desk.said(ReferralAccepted))[0])["first"]
    assert isinstance(first, SeatHeld)
    await desk.hear(first)
    clock.step_to(NOW + 30 * DAY)

    mine, others, before = (
        await left(desk),
        await left(desk, "silent-centre"),
        await left(desk, **{"from": "2025-01-01", "to": "2025-12-31"}),
    )

    assert mine == {
        "discharged": 3, "may_be_told": 2, "within_7_days": 1, "later": 0, "waiting": 0, "not_seen": 1,
    }  # fmt: skip
    assert (others["discharged"], others["may_be_told"]) == (1, 0)
    assert before["discharged"] == 0


@pytest.mark.parametrize(("since", "until"), [("2026-03-02", "2026-03-01"), ("2024-01-01", "2026-03-01")])
async def test_a_span_that_is_none_is_refused_with_what_to_do(desk: Desk, since: str, until: str) -> None:
    answer = await desk.ask("GET", "/follow-up", params={"from": since, "to": until})

    assert answer.status_code == 422 and "366 days" in answer.text
