"""Who came to a session, as whoever holds it says: recorded like staff's own word, and never over it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from services.scheduling.rules.attendance import AGREE_WITHIN
from services.scheduling.store.tables import supporters
from shared import clock
from shared.events.scheduling import SeatHeld, SeatMissed
from tests.scheduling.makers import Desk, an_id, consent, coverage, match, referral, supporter
from tests.scheduling.test_telling import looked_at

NOT_YOURS = [
    {
        "where": "$.session_id",
        "remedy": "name a session of a supporter of yours, or of one who has you as a host; where it is, have the "
        "agency register that supporter again",
    }
]


async def booked(desk: Desk) -> list[Any]:
    """Ana's sessions with Sam, the first of which is just over."""
    said = await desk.hear(supporter(), referral(), consent(), coverage(), match())
    (series,) = [each for each in said if hasattr(each, "sessions")]
    clock.step_to(series.sessions[0].ends_at)
    return list(series.sessions)


def came(session: Any, **changes: Any) -> dict[str, Any]:
    """That Ana came to a session for 50 minutes; None takes a member away."""
    valid = {
        "session_id": str(session.session_id),
        "seat_id": str(session.seat_id),
        "outcome": "attended",
        "minutes": 50,
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


NOBODY_CAME = {"outcome": "no_show", "minutes": None}


@pytest.mark.parametrize("who", ["agency", "centre"])
async def test_whoever_holds_a_session_says_who_came(desk: Desk, who: str):
    first, *_ = await booked(desk)

    (told,) = await desk.post("attendance", came(first), who=who)

    assert told == {"status": "accepted", "outcome": "recorded", "message_id": "post 0"}
    (held,) = [each for each in desk.said if isinstance(each, SeatHeld)]
    assert (held.seat_id, held.minutes, held.first) == (first.seat_id, 50, True)
    assert (await desk.figures())["sessions_held"] == 1


async def test_what_was_said_of_a_session_is_covered_once_its_note_is_signed(desk: Desk):
    first, *_ = await booked(desk)
    await desk.post("attendance", came(first), who="centre")
    before = (await desk.covered())["sessions"][0]

    assert (await desk.record(first)).status_code == 200

    after = (await desk.covered())["sessions"][0]
    assert (before["reasons"], before["units_covered"]) == (["NO_NOTE"], 0)
    assert (after["reasons"], after["units_covered"], after["minutes"]) == ([], 3, 50)


async def test_nobody_came_is_a_visit_that_was_missed(desk: Desk):
    first, *_ = await booked(desk)

    (told,) = await desk.post("attendance", came(first, **NOBODY_CAME), who="centre")

    assert told["outcome"] == "recorded"
    assert [each.in_a_row for each in desk.said if isinstance(each, SeatMissed)] == [1]


async def test_what_is_said_twice_changes_nothing(desk: Desk):
    first, *_ = await booked(desk)
    await desk.post("attendance", came(first), who="centre")
    before = await desk.covered()

    told = await desk.post("attendance", came(first), came(first), who="centre")

    assert [each["outcome"] for each in told] == ["known", "known"]
    assert desk.said == [] and await desk.covered() == before and await desk.work() == []


@pytest.mark.parametrize("minutes", [50 - AGREE_WITHIN, 50 + AGREE_WITHIN])
async def test_two_watches_may_differ_by_a_few_minutes(desk: Desk, minutes: int):
    first, *_ = await booked(desk)
    await desk.record(first)

    (told,) = await desk.post("attendance", came(first, minutes=minutes), who="centre")

    assert told["outcome"] == "known"
    assert (await desk.covered())["sessions"][0]["minutes"] == 50


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"minutes": 58}, "centre says attended, 58 minutes; recorded is attended, 50 minutes"),
        ({"minutes": 42}, "centre says attended, 42 minutes; recorded is attended, 50 minutes"),
        (NOBODY_CAME, "centre says no_show; recorded is attended, 50 minutes"),
    ],
)
async def test_a_contradiction_is_looked_at_by_a_person_and_overwrites_nothing(desk: Desk, changes, note):
    first, *_ = await booked(desk)
    await desk.record(first)
    before = await desk.covered()

    (told,) = await desk.post("attendance", came(first, **changes), who="centre")

    (task,) = await desk.work()
    assert (told["status"], told["outcome"]) == ("accepted", "differs")
    assert (task.kind, task.owner, task.about) == ("attendance_differs", "supporter", str(first.session_id))
    assert task.note == note
    assert desk.said == [] and await desk.covered() == before


async def test_a_later_contradiction_takes_the_place_of_the_one_before(desk: Desk):
    first, *_ = await booked(desk)
    await desk.record(first)
    await desk.post("attendance", came(first, **NOBODY_CAME), who="centre")

    await desk.post("attendance", came(first, minutes=20), who="centre")

    assert [each.note for each in await desk.work()] == [
        "centre says attended, 20 minutes; recorded is attended, 50 minutes"
    ]


async def test_everybody_who_contradicts_is_looked_at(desk: Desk):
    first, *_ = await booked(desk)
    await desk.record(first)
    await desk.post("attendance", came(first, minutes=20), who="centre")

    await desk.post("attendance", came(first, **NOBODY_CAME), who="agency")

    (task,) = await desk.work()
    assert (task.note or "").splitlines() == [
        "centre says attended, 20 minutes; recorded is attended, 50 minutes",
        "agency says no_show; recorded is attended, 50 minutes",
    ]


async def test_whoever_corrects_itself_leaves_nothing_to_look_at(desk: Desk):
    first, *_ = await booked(desk)
    await desk.record(first)
    await desk.post("attendance", came(first, **NOBODY_CAME), who="centre")
    await desk.post("attendance", came(first, minutes=20), who="agency")

    (one,) = await desk.post("attendance", came(first), who="centre")
    (left,) = await desk.work()
    (other,) = await desk.post("attendance", came(first), who="agency")

    assert (one["outcome"], other["outcome"]) == ("known", "known")
    assert left.note == "agency says attended, 20 minutes; recorded is attended, 50 minutes"
    assert await desk.work() == []


async def test_a_contradiction_that_somebody_looked_at_comes_back_only_when_it_is_another(desk: Desk):
    first, *_ = await booked(desk)
    await desk.record(first)
    await desk.post("attendance", came(first, minutes=20), who="centre")
    await looked_at(desk)

    await desk.post("attendance", came(first, minutes=20), who="centre")
    same = await desk.work()
    await desk.post("attendance", came(first, minutes=30), who="centre")

    assert (same, [each.kind for each in await desk.work()]) == ([], ["attendance_differs"])


async def test_a_person_who_came_to_a_cancelled_session_is_looked_at(desk: Desk):
    first, *_ = await booked(desk)
    await desk.record(first, "cancelled_person")

    (told,) = await desk.post("attendance", came(first), who="centre")

    assert (told["outcome"], [each.kind for each in await desk.work()]) == ("differs", ["attendance_differs"])


async def test_staff_who_mend_the_record_have_done_the_task(desk: Desk):
    first, *_ = await booked(desk)
    await desk.record(first, "no_show")
    await desk.post("attendance", came(first), who="centre")

    await desk.record(first, "attended", reason="the door list shows it")

    assert await desk.work() == []
    assert (await desk.covered())["sessions"][0]["outcome"] == "attended"


async def test_staff_need_a_reason_to_record_something_else_than_was_said(desk: Desk):
    first, *_ = await booked(desk)
    await desk.post("attendance", came(first), who="centre")

    assert (await desk.record(first, "no_show")).status_code == 409
    assert (await desk.record(first, "no_show", reason="it was somebody else")).status_code == 200


@pytest.mark.parametrize("who", ["other-centre", "other-agency"])
async def test_anothers_session_is_answered_like_one_that_does_not_exist(desk: Desk, who: str):
    first, *_ = await booked(desk)

    (anothers,) = await desk.post("attendance", came(first), who=who)
    (nowhere,) = await desk.post("attendance", came(first, session_id=str(uuid4())), who=who)
    (recorded,) = [(await desk.record(first)).status_code]
    (later,) = await desk.post("attendance", came(first, **NOBODY_CAME), who=who)

    assert anothers == nowhere == later == {"status": "refused", "errors": NOT_YOURS, "message_id": "post 0"}
    assert recorded == 200 and await desk.work() == []


async def test_who_was_registered_before_holders_were_told_is_registered_again(desk: Desk):
    first, *_ = await booked(desk)
    async with desk.service.database.transaction() as db:
        await db.execute(update(supporters).values(organisation=None, hosts=None))

    (before,) = await desk.post("attendance", came(first), who="agency")
    await desk.hear(supporter())
    (after,) = await desk.post("attendance", came(first), who="agency")

    assert before["errors"] == NOT_YOURS and "register that supporter again" in before["errors"][0]["remedy"]
    assert after["outcome"] == "recorded"


async def test_a_host_is_one_no_longer_when_the_agency_says_so(desk: Desk):
    first, *_ = await booked(desk)
    await desk.hear(supporter(hosts=[]))

    (told,) = await desk.post("attendance", came(first), who="centre")

    assert told["errors"] == NOT_YOURS


async def test_a_seat_of_another_session_is_none_of_this_one(desk: Desk):
    first, second, *_ = await booked(desk)

    (told,) = await desk.post("attendance", came(first, seat_id=str(second.seat_id)), who="centre")

    assert told["errors"] == [{"where": "$.seat_id", "remedy": "name a seat of this session"}]


async def test_a_public_group_takes_no_attendance(desk: Desk):
    first, *_ = await booked(desk)
    of_group = {**came(first, session_id=None), "offering_id": str(an_id("offering"))}

    (told,) = await desk.post("attendance", of_group, who="centre")

    assert {each["where"] for each in told["errors"]} == {"$.session_id", "$.offering_id"}
    assert (await desk.figures())["sessions_held"] == 0


WRONG: list[tuple[Any, str, str]] = [
    (b"", "$", "mend the JSON"),
    (b"[]", "$", "send one JSON object"),
    (b'{"minutes": NaN}', "$", "NaN and Infinity"),
    ({"minutes": 50.5}, "$.minutes", "valid integer"),
    ({"minutes": 0}, "$.minutes", "greater than or equal to 1"),
    ({"minutes": 1441}, "$.minutes", "less than or equal to 1440"),
    ({"minutes": 181}, "$.minutes", "at most 180"),
    ({"minutes": None}, "$.minutes", "say how many minutes of contact there were"),
    ({"outcome": "no_show"}, "$.minutes", "leave out minutes"),
    ({"outcome": "cancelled_person", "minutes": None}, "$.outcome", "'attended', 'attended_partial' or 'no_show'"),
    ({"session_id": "one"}, "$.session_id", "valid UUID"),
    ({"started_at": "2026-03-05T15:00"}, "$.started_at", "timezone"),
    ({"started_at": "2026-03-07T15:00:00Z"}, "$.started_at", "within 12 hours of the planned start"),
    ({"note": {"signed": True}}, "$.note", "leave out members"),
]


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(("wrong", "where", "remedy"), WRONG)
async def test_what_is_wrong_is_told_with_its_place_and_what_to_do(edge: Desk, wrong, where, remedy, recorded):
    first, *_ = await booked(edge)
    if recorded:
        await edge.record(first)

    (told,) = await edge.post("attendance", wrong if isinstance(wrong, bytes) else came(first, **wrong), who="centre")

    assert (told["status"], told["message_id"]) == ("refused", "post 0")
    assert told["errors"][0]["where"] == where and remedy in told["errors"][0]["remedy"]


async def test_a_session_to_come_was_attended_by_nobody(desk: Desk):
    _, second, *_ = await booked(desk)
    clock.step_to(second.starts_at - timedelta(minutes=1))

    (told,) = await desk.post("attendance", came(second), who="centre")

    assert told["errors"][0]["where"] == "$.outcome" and "has not begun" in told["errors"][0]["remedy"]


@pytest.mark.parametrize("who", ["hospital", "garden", "unknown"])
async def test_nobody_else_tells_who_came(desk: Desk, who: str):
    first, *_ = await booked(desk)

    (told,) = await desk.post("attendance", came(first), who=who)

    assert told["errors"][0]["where"] == "subject"


async def test_what_differed_from_another_record_is_looked_at_no_more(desk: Desk):
    first, *_ = await booked(desk)
    await desk.record(first, "no_show")
    await desk.post("attendance", came(first, minutes=20), who="centre")
    await desk.record(first, "attended", reason="the door list shows it")

    await desk.post("attendance", came(first, minutes=30), who="agency")

    assert [each.note for each in await desk.work()] == [
        "agency says attended, 30 minutes; recorded is attended, 50 minutes"
    ]
