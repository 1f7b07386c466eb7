"""From a booked series to messages that were sent, on both databases."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.notifications.store import metadata
from shared import clock
from shared.database import Database
from shared.events.notifications import (
    ReminderFellDue,
    ReminderSent,
    ReminderSkipped,
    RemindersPlanned,
)
from shared.events.referrals import ConsentGiven, ConsentRevoked, CrisisRaised, RiskCleared
from shared.events.scheduling import SeriesBooked, SessionCancelled
from tests.notifications.made import NOON, contact, series, weekly
from tests.notifications.running import Running, days, running


@pytest.fixture
async def service(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(database, tmp_path) as started:
        yield started


def cancelled(booked: SeriesBooked, index: int = 0) -> SessionCancelled:
    one = booked.sessions[index]
    return SessionCancelled(
        session_id=one.session_id,
        seat_id=one.seat_id,
        series_id=booked.series_id,
        person_id=booked.person_id,
        by="person",
        late=False,
    )


async def states(service: Running, booked: SeriesBooked) -> list[tuple[str, str]]:
    return [(each["kind"], each["state"]) for each in await service.history(booked.person_id)]


async def test_reminds_of_every_session_three_days_and_one_day_before(service: Running) -> None:
    booked = weekly(3)

    await service.hear(contact(booked.person_id), booked)
    await service.until(NOON + days(30))

    assert await states(service, booked) == [
        ("confirmation", "accepted"),
        *[("3d", "accepted"), ("1d", "accepted")] * 3,
    ]
    sent = await service.said(ReminderSent)
    assert [each.sent_at for each in sent[1:3]] == [NOON + days(4), NOON + days(6)]
    (planned,) = await service.said(RemindersPlanned)
    assert [each.reminder_id for each in planned.reminders] == [each.reminder_id for each in sent]
    assert (await service.figures())["sends_in_quiet_hours"] == 0


async def test_a_second_hearing_changes_nothing(service: Running) -> None:
    booked = weekly(2)

    await service.hear(contact(booked.person_id), booked, booked)
    await service.hear(booked)
    await service.until(NOON + days(20))

    (planned,) = await service.said(RemindersPlanned)
    assert len(planned.reminders) == 5
    assert len(await service.said(ReminderSent)) == 5


async def test_a_cancellation_just_before_the_moment_wins(service: Running) -> None:
    booked = weekly(1)
    await service.hear(contact(booked.person_id), booked)
    await service.until(NOON + days(4) - timedelta(seconds=1))

    await service.hear(cancelled(booked))
    await service.until(NOON + days(8))

    assert await states(service, booked) == [("confirmation", "accepted"), ("3d", "skipped"), ("1d", "skipped")]
    assert [each.why for each in await service.said(ReminderSkipped)] == ["cancelled", "cancelled"]


async def test_a_cancellation_between_the_intent_and_the_call_wins(service: Running) -> None:
    booked = weekly(1)
    await service.hear(contact(booked.person_id), booked)
    await service.settle()
    clock.step_to(NOON + days(4))
    await service.service.mailbox.timers.once()

    await service.hear(cancelled(booked))
    await service.settle()

    assert [each.why for each in await service.said(ReminderSkipped)] == ["cancelled"]
    assert len(await service.said(ReminderSent)) == 1


async def test_sessions_cancelled_together_stay_unsent_and_the_others_are_reminded_of(service: Running) -> None:
    booked = weekly(3)
    await service.hear(contact(booked.person_id), booked)
    await service.settle()

    await service.hear(cancelled(booked, 0), cancelled(booked, 2))
    await service.until(NOON + days(22))

    (_, kept, _) = booked.sessions
    reminded = [each.session_id for each in await service.said(ReminderSent) if each.kind != "confirmation"]
    assert reminded == [kept.session_id] * 2
    assert [each.why for each in await service.said(ReminderSkipped)] == ["cancelled"] * 4


async def test_a_confirmation_waits_for_contact_data_that_comes_later(service: Running) -> None:
    booked = weekly(1)
    await service.hear(booked)
    await service.settle()
    assert await service.said(ReminderSent) == []

    await service.hear(contact(booked.person_id))
    await service.settle()

    assert [each.kind for each in await service.said(ReminderSent)] == ["confirmation"]


async def test_a_confirmation_does_not_wait_for_ever(service: Running) -> None:
    booked = weekly(1)

    await service.hear(booked)
    await service.until(NOON + days(2))

    assert [each.why for each in await service.said(ReminderSkipped)] == ["no_consented_channel"]


async def test_a_zone_that_becomes_known_later_moves_what_was_planned(service: Running) -> None:
    booked = series(NOON + days(9) + timedelta(hours=7))
    await service.hear(booked)

    await service.hear(contact(booked.person_id, zone="Pacific/Honolulu"))
    await service.until(NOON + days(9))

    assert [each.sent_at for each in await service.said(ReminderSent)][1:] == [
        NOON + days(6) + timedelta(hours=7),
        NOON + days(8) + timedelta(hours=7),
    ]
    assert (await service.figures())["sends_in_quiet_hours"] == 0


async def test_nothing_is_sent_in_crisis_until_a_person_has_looked(service: Running) -> None:
    booked, referral_id = weekly(1), uuid4()
    crisis = CrisisRaised(referral_id=referral_id, person_id=booked.person_id, site_id="north", raised_at=NOON)
    await service.hear(contact(booked.person_id), crisis, booked)
    await service.until(NOON + days(5))

    cleared = RiskCleared(referral_id=referral_id, person_id=booked.person_id, cleared_by="Ana", cleared_at=NOON)
    await service.hear(cleared)
    await service.until(NOON + days(8))

    assert [each.why for each in await service.said(ReminderSkipped)] == ["held", "held"]
    assert [each.kind for each in await service.said(ReminderSent)] == ["1d"]
    assert (await service.figures())["pages_sent"] == 3


async def test_a_revoked_consent_stops_the_next_message(service: Running) -> None:
    booked, consent_id = weekly(1), uuid4()
    consent = ConsentGiven(
        consent_id=consent_id,
        person_id=booked.person_id,
        discloser="general-hospital",
        recipients=["programme"],
        purposes=["treatment"],
        part2=False,
        signed_at=NOON,
    )
    await service.hear(consent, contact(booked.person_id), booked)
    await service.until(NOON + days(1))

    await service.hear(ConsentRevoked(consent_id=consent_id, person_id=booked.person_id, revoked_at=NOON))
    await service.until(NOON + days(8))

    assert [each.kind for each in await service.said(ReminderSent)] == ["confirmation"]
    assert {each.why for each in await service.said(ReminderSkipped)} == {"consent_revoked"}


async def test_a_person_with_two_series_gets_one_message_a_day(service: Running) -> None:
    one = weekly(1)
    other = series(NOON + days(7) + timedelta(hours=1), person_id=one.person_id)

    await service.hear(contact(one.person_id), one, other)
    await service.until(NOON + days(8))

    assert len(await service.said(ReminderSent)) == 3
    assert {each.why for each in await service.said(ReminderSkipped)} == {"cap"}


async def test_a_timer_that_rings_twice_sends_once(service: Running) -> None:
    booked = weekly(1)
    await service.hear(contact(booked.person_id), booked)
    (planned,) = await service.said(RemindersPlanned)
    rung = ReminderFellDue(reminder_id=planned.reminders[0].reminder_id, person_id=planned.person_id)

    await service.hear(rung, rung)
    await service.hear(rung)
    await service.settle()
    await service.hear(rung)
    await service.settle()

    assert len(await service.said(ReminderSent)) == 1


async def test_the_migrated_schema_is_the_one_the_store_expects(
    service: Running, schema_differences: Callable[..., Any]
) -> None:
    assert await schema_differences(service.service.database, metadata) == []


async def test_every_planned_message_is_accounted_for(service: Running) -> None:
    people = [weekly(2) for _ in range(5)]
    numbers = ["+12025550143", "+12025550001", "+12025550003", "+12025550004", "12"]

    await service.hear(
        *(contact(each.person_id, ("sms", to)) for each, to in zip(people, numbers, strict=True)), *people
    )
    await service.hear(cancelled(people[0], 1))
    await service.until(NOON + days(30))

    counted = await service.figures()
    ended = ("sent", "skipped", "failed", "unknown", "waiting", "sending")
    assert counted["reminders_planned"] == 25 == sum(counted[f"reminders_{each}"] for each in ended)
    assert counted["reminders_waiting"] == counted["reminders_sending"] == 0
