"""A match becomes a series, sessions are held, and the insurer sees what is covered: within this service."""

from datetime import timedelta

from shared import clock
from shared.events.notifications import VisitAnswered
from shared.events.scheduling import CoverageChanged, SeatHeld, SeriesBooked, SeriesEnded, SessionCancelled
from shared.mailbox import Later
from tests.scheduling.makers import Desk, an_id, consent, coverage, match, referral, supporter


async def test_a_match_becomes_covered_sessions(desk: Desk):
    await desk.hear(supporter(), referral(), consent(), coverage())

    booked, *chasers = await desk.hear(match())

    assert isinstance(booked, SeriesBooked) and booked.public_name == "Sam" and len(booked.sessions) == 12
    assert len(chasers) == 12 and all(isinstance(each, Later) for each in chasers)
    clock.step_to(booked.sessions[0].ends_at)
    assert (await desk.record(booked.sessions[0], minutes=60)).json() == {"recorded": True, "changed": True}
    told = await desk.covered()
    assert [(row["units_delivered"], row["units_covered"]) for row in told["sessions"]] == [(4, 4)]
    assert told["sessions"][0]["modifiers"] == ["HF"] and told["sessions"][0]["member_id"] == "G-1001"
    figures = await desk.figures()
    assert (figures["units_covered"], figures["sessions_held"], figures["sessions_booked"]) == (4, 1, 12)


async def test_a_series_lives_through_every_outcome_and_ends_once(desk: Desk):
    (booked, *_) = await desk.hear(supporter(), referral(), consent(), coverage(), match())
    first, second, third, *rest = booked.sessions
    await desk.record(second, "cancelled_supporter")
    await desk.hear(
        VisitAnswered(person_id=an_id("ana"), session_id=third.session_id, answer="cannot_come", at=clock.now())
    )
    clock.step_to(rest[-1].ends_at)

    for each in [first, *rest[:-1]]:
        await desk.record(each)
    before = await desk.figures()
    await desk.record(rest[-1], "no_show")

    figures = await desk.figures()
    assert (before["series_ended"], figures["series_ended"]) == (0, 1)
    assert [figures[f"sessions_{each}"] for each in ("held", "missed", "cancelled", "unrecorded")] == [9, 1, 2, 0]
    assert figures["units_delivered"] == figures["units_covered"] + figures["units_not_covered"]


async def test_says_each_fact_once(desk: Desk):
    (booked, *_) = await desk.hear(supporter(), referral(), coverage(), match())
    held, gone = booked.sessions[0], booked.sessions[1]
    clock.step_to(held.ends_at)

    await desk.record(held)
    await desk.record(held)
    await desk.record(gone, "cancelled_person")
    await desk.record(gone, "cancelled_person")

    said = await _said(desk)
    assert [said.count(each) for each in (SeatHeld, CoverageChanged, SessionCancelled, SeriesEnded)] == [1, 1, 1, 0]


async def test_a_second_hearing_changes_nothing(desk: Desk):
    (booked, *_) = await desk.hear(match())

    again = await desk.hear(match())

    assert again == [] and booked.sessions
    assert (await desk.figures())["sessions_booked"] == 12


async def test_facts_may_come_in_any_order(desk: Desk):
    (booked, *_) = await desk.hear(match())
    assert booked.public_name is None
    clock.step_to(booked.sessions[0].ends_at)
    await desk.record(booked.sessions[0])

    assert await desk.hear(consent(), referral()) == []
    (learnt,) = await desk.hear(coverage())
    (counted,) = await desk.hear(supporter())

    assert (learnt.units_covered, learnt.reasons) == (0, ["OUT_OF_NETWORK"])
    assert (counted.units_covered, counted.reasons) == (3, [])


async def test_chases_what_nobody_recorded_until_somebody_does(desk: Desk):
    (booked, chaser, *_) = await desk.hear(match())
    clock.step_to(booked.sessions[0].ends_at + timedelta(hours=24))

    await desk.hear(chaser.fact)
    (task,) = (await desk.ask("GET", "/work")).json()
    waved_away = await desk.ask("POST", f"/work/{task['task_id']}/done", json={"by": "Kim"})
    await desk.record(booked.sessions[0])

    assert (task["kind"], waved_away.status_code) == ("record_session", 409)
    assert (await desk.ask("GET", "/work")).json() == []


async def test_ends_a_series_whose_last_session_nobody_recorded(desk: Desk):
    (booked, *chasers) = await desk.hear(match())
    clock.step_to(chasers[-1].due)

    said = [await desk.hear(each.fact) for each in chasers]

    assert [len(each) for each in said] == [1, *[0] * 11] and isinstance(said[0][0], SeriesEnded)
    assert said[0][0].kept == 0 and booked.series_id == said[0][0].series_id


async def test_asks_whether_they_still_want_this_after_three_misses_in_a_row(desk: Desk):
    (booked, *_) = await desk.hear(match())
    clock.step_to(booked.sessions[3].ends_at)

    for each, outcome in zip(booked.sessions, ("no_show", "attended", "no_show", "no_show"), strict=False):
        await desk.record(each, outcome)
    assert (await desk.ask("GET", "/work")).json() == []
    clock.step_to(booked.sessions[4].ends_at)
    await desk.record(booked.sessions[4], "no_show")

    assert [each["kind"] for each in (await desk.ask("GET", "/work")).json()] == ["still_want_this"]


async def _said(desk: Desk) -> list[type]:
    from sqlalchemy import select

    from shared.events import scheduling
    from shared.events.fact import catalogue
    from shared.mailbox.tables import outbox

    kinds = catalogue(scheduling)
    async with desk.service.database.reading() as db:
        return [kinds[each] for each in (await db.execute(select(outbox.c.type))).scalars()]
