"""One human being whom two organisations know is written to as one, on both databases."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from services.notifications.rules.sending import Standing, as_one
from services.notifications.store.tables import opt_ins
from shared.database import Database
from shared.events.notifications import ReminderSent, ReminderSkipped
from shared.events.referrals import ConsentGiven, ConsentRevoked, CrisisRaised, PersonLinked, RiskCleared
from shared.events.scheduling import SeriesBooked
from tests.notifications.made import NOON, PHONE, contact, person, series
from tests.notifications.running import Running, days, running

OTHER_PHONE = "+12025550144"


@pytest.fixture
async def service(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(database, tmp_path) as started:
        yield started


def linked(one: UUID, other: UUID) -> PersonLinked:
    """That two people are one human being."""
    return PersonLinked(person_id=max(one, other), same_as=min(one, other), found_at=NOON)


def alone(one: UUID) -> PersonLinked:
    """That a person is nobody else after all."""
    return PersonLinked(person_id=one, same_as=one, found_at=NOON)


def visit(after: float = 7) -> SeriesBooked:
    """One visit, in some days."""
    return series(NOON + days(after))


async def two(service: Running) -> tuple[SeriesBooked, SeriesBooked]:
    """A visit each of two people who are reached at a number of their own."""
    one, other = visit(), visit(30)
    await service.hear(contact(one.person_id), contact(other.person_id, ("sms", OTHER_PHONE)), one, other)
    return one, other


async def why(service: Running, booked: SeriesBooked) -> set[str | None]:
    """Why the messages of a visit were not sent; nothing where they were."""
    return {each["why"] for each in await service.history(booked.person_id) if each["kind"] != "confirmation"}


async def test_a_stop_of_one_is_a_stop_of_the_other(service: Running) -> None:
    one, other = await two(service)
    await service.hear(linked(one.person_id, other.person_id))

    await service.text("STOP", sender=PHONE, message_id="m1")
    await service.until(NOON + days(31))

    assert await why(service, one) == await why(service, other) == {"opted_out"}


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_stop_counts_in_whatever_order_it_is_heard_of(
    tmp_path: Path, order: tuple[int, ...], database: Database
) -> None:
    async with running(database, tmp_path) as service:
        one, other = visit(), visit(30)

        async def stop() -> None:
            await service.hear(contact(one.person_id))
            await service.text("STOP", sender=PHONE, message_id="m1")

        steps: list[Any] = [
            stop,
            lambda: service.hear(linked(one.person_id, other.person_id)),
            lambda: service.hear(contact(other.person_id, ("sms", OTHER_PHONE)), other),
        ]
        for each in order:
            await steps[each]()
        await service.until(NOON + days(31))

        assert await why(service, other) == {"opted_out"}


async def test_a_link_heard_twice_or_before_anybody_is_known_changes_nothing(service: Running) -> None:
    one, other = visit(), visit(30)
    await service.hear(linked(one.person_id, other.person_id))
    await service.hear(linked(one.person_id, other.person_id))

    await service.hear(contact(other.person_id), other)
    await service.until(NOON + days(31))

    assert await why(service, other) == {None}


async def test_a_link_that_was_wrong_lets_each_speak_for_themselves_again(service: Running) -> None:
    one, other = await two(service)
    link = linked(one.person_id, other.person_id)
    await service.hear(link)
    await service.text("STOP", sender=PHONE, message_id="m1")

    await service.hear(alone(link.person_id))
    await service.until(NOON + days(31))

    assert await why(service, one) == {"opted_out"}
    assert await why(service, other) == {None}


async def test_a_start_at_one_number_does_not_undo_a_stop_at_the_other(service: Running) -> None:
    one, other = await two(service)
    await service.hear(linked(one.person_id, other.person_id))
    await service.text("STOP", sender=PHONE, message_id="m1")
    await service.text("STOP", sender=OTHER_PHONE, message_id="m2")

    await service.text("START", sender=PHONE, message_id="m3")
    await service.until(NOON + days(31))

    assert await why(service, one) == await why(service, other) == {"opted_out"}
    assert [each.kind for each in await service.tasks()] == ["reply_to_read"]


SIGNED = {"by": "Kim", "reason": "phoned: the old number is gone, wants the texts"}


async def test_somebody_lets_messages_go_again_where_the_number_of_a_stop_is_gone(service: Running) -> None:
    one, other = await two(service)
    await service.hear(linked(one.person_id, other.person_id))
    await service.text("STOP", sender=OTHER_PHONE, message_id="m1")
    await service.text("START", sender=PHONE, message_id="m2")

    [task] = await service.tasks()
    way = f"/people/{other.person_id}/opt-in"
    assert task.note and f"POST {way}" in task.note and str(one.person_id) not in task.note
    answers = [await service.http.post(way, json=SIGNED) for _ in range(2)]
    await service.until(NOON + days(31))

    assert [(each.status_code, each.json()) for each in answers] == [(200, {"stopped_by": []})] * 2
    assert await why(service, one) == await why(service, other) == {None}
    async with service.service.database.reading() as db:
        kept = (await db.execute(select(opt_ins))).one()
    assert (kept.person_id, kept.by, kept.reason) == (other.person_id, *SIGNED.values())


async def test_a_stop_is_lifted_of_one_record_and_the_other_stays_as_it_was(service: Running) -> None:
    one, other = await two(service)
    await service.hear(linked(one.person_id, other.person_id))
    await service.text("STOP", sender=PHONE, message_id="m1")
    await service.text("STOP", sender=OTHER_PHONE, message_id="m2")

    answer = await service.http.post(f"/people/{one.person_id}/opt-in", json=SIGNED)
    await service.until(NOON + days(31))

    assert answer.json() == {"stopped_by": [str(other.person_id)]}
    assert await why(service, one) == await why(service, other) == {"opted_out"}


async def test_nobody_lifts_a_stop_without_a_name_and_a_reason_or_of_nobody(service: Running) -> None:
    booked, _ = await two(service)
    wrong = [{"by": " ", "reason": "x"}, {"by": "Kim"}, {**SIGNED, "reason": ""}]

    answers = [await service.http.post(f"/people/{booked.person_id}/opt-in", json=each) for each in wrong]
    unknown = await service.http.post(f"/people/{uuid4()}/opt-in", json=SIGNED)

    assert [each.status_code for each in [*answers, unknown]] == [422, 422, 422, 404]


async def test_nobody_in_crisis_gets_a_machines_words_for_another_referral(service: Running) -> None:
    one, other = await two(service)
    unknown, referral_id = uuid4(), uuid4()
    crisis = CrisisRaised(referral_id=referral_id, person_id=unknown, site_id="north", raised_at=NOON)
    await service.hear(linked(one.person_id, unknown), crisis)
    await service.until(NOON + days(7))

    cleared = RiskCleared(referral_id=referral_id, person_id=unknown, cleared_by="Kim", cleared_at=NOON + days(7))
    await service.hear(cleared)
    await service.until(NOON + days(31))

    assert await why(service, one) == {"held"}
    assert await why(service, other) == {None}


def given(whose: UUID, at: datetime = NOON) -> ConsentGiven:
    """A consent to be told."""
    return ConsentGiven(
        consent_id=uuid4(), person_id=whose, discloser="alongside", recipients=["referrer"], purposes=["treatment"],
        part2=False, signed_at=at,
    )  # fmt: skip


async def test_who_refused_everything_is_not_written_to_for_another_referral(service: Running) -> None:
    one, other = await two(service)
    mine, theirs = given(one.person_id), given(other.person_id, NOON - days(9))
    revoked = ConsentRevoked(consent_id=mine.consent_id, person_id=one.person_id, revoked_at=NOON)

    await service.hear(mine, theirs, revoked, linked(one.person_id, other.person_id))
    await service.until(NOON + days(31))

    assert await why(service, one) == await why(service, other) == {"consent_revoked"}


HOUR = timedelta(hours=1)


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_what_one_record_agrees_to_gives_nothing_back_to_the_one_that_refused(
    database: Database, tmp_path: Path, order: tuple[int, ...]
) -> None:
    async with running(database, tmp_path) as service:
        one, other = await two(service)
        mine, theirs = given(one.person_id, NOON - days(9)), given(other.person_id, NOON + HOUR)
        await service.hear(mine)
        revoked = ConsentRevoked(consent_id=mine.consent_id, person_id=one.person_id, revoked_at=NOON)
        facts = [revoked, theirs, linked(one.person_id, other.person_id)]

        for each in order:
            await service.hear(facts[each])
        await service.until(NOON + days(31))

        assert await why(service, one) == {"consent_revoked"}
        assert await why(service, other) == {None}


@pytest.mark.parametrize(
    ("mine", "others", "refused"),
    [
        (Standing(), [Standing()], False),
        (Standing(agreed_at=NOON), [Standing()], False),
        (Standing(), [Standing(agreed_at=NOON)], False),
        (Standing(), [Standing(refused_at=NOON)], True),
        (Standing(agreed_at=NOON - HOUR), [Standing(refused_at=NOON)], True),
        (Standing(agreed_at=NOON + HOUR), [Standing(refused_at=NOON)], False),
        (Standing(agreed_at=NOON), [Standing(refused_at=NOON - HOUR), Standing(refused_at=NOON + HOUR)], True),
        (Standing(), [Standing(refused_at=NOON), Standing(agreed_at=NOON + HOUR)], True),
        (Standing(refused_at=NOON), [Standing(agreed_at=NOON + HOUR)], True),
        (Standing(refused_at=NOON), [Standing()], True),
    ],
)
def test_a_refusal_counts_until_the_record_itself_agrees_to_something_after_it(
    mine: Standing, others: list[Standing], refused: bool
) -> None:
    whose = person(consent_revoked=mine.refused_at is not None)
    standings = {whose.person_id: mine, **{uuid4(): each for each in others}}

    assert as_one(whose, standings).consent_revoked is refused


async def test_the_most_a_day_is_for_one_human_being(service: Running) -> None:
    one, other = visit(7), visit(7.05)
    await service.hear(contact(one.person_id), contact(other.person_id, ("sms", OTHER_PHONE)))
    await service.hear(linked(one.person_id, other.person_id), one, other)

    await service.until(NOON + days(8))

    sent = [each.sent_at.date() for each in await service.said(ReminderSent)]
    assert len(sent) == len(set(sent)) == 3
    assert {each.why for each in await service.said(ReminderSkipped)} == {"cap"}
