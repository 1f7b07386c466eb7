"""What becomes of a message on its way out, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared import clock
from shared.database import Database
from shared.events.matching import SupporterRegistered
from shared.events.notifications import (
    ReminderFailed,
    ReminderSent,
    ReminderSkipped,
)
from tests.notifications.doubles import http_double, smtp_double
from tests.notifications.made import NOON, PHONE, contact, weekly
from tests.notifications.running import Running, days, running


@pytest.fixture
async def service(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(database, tmp_path) as started:
        yield started


@pytest.mark.parametrize(
    ("sms", "channel"), [("+12025550001", "email"), ("+12025550002", "sms"), ("+12025550004", "sms")]
)
async def test_falls_back_to_the_next_consented_channel(service: Running, sms: str, channel: str) -> None:
    booked = weekly(1)

    await service.hear(contact(booked.person_id, ("sms", sms), ("email", "ana@example.org")), booked)
    await service.settle()

    assert [each.channel for each in await service.said(ReminderSent)] == [channel]


async def test_a_message_no_channel_took_becomes_work_for_a_person(service: Running) -> None:
    booked = weekly(1)

    await service.hear(contact(booked.person_id, ("sms", "+12025550001")), booked)
    await service.settle()

    assert [each.reason for each in await service.said(ReminderFailed)] == ["refused"]
    assert [each.kind for each in await service.tasks()] == ["message_failed"]


async def test_a_message_of_unknown_fate_becomes_work_for_a_person(service: Running) -> None:
    booked = weekly(1)

    await service.hear(contact(booked.person_id, ("sms", "+12025550003")), booked)
    await service.until(NOON + timedelta(hours=2))

    assert [each.reason for each in await service.said(ReminderFailed)] == ["unknown"]
    assert [each.kind for each in await service.tasks()] == ["message_unknown"]
    assert (await service.figures())["reminders_unknown"] == 1


async def test_an_address_that_does_not_exist_becomes_work_for_a_person(service: Running) -> None:
    booked = weekly(1)

    await service.hear(contact(booked.person_id, ("sms", "12")), booked)
    await service.settle()

    assert [each.kind for each in await service.tasks()] == ["contact_to_check"]
    assert [each.why for each in await service.said(ReminderSkipped)] == ["no_consented_channel"]


@pytest.mark.parametrize("dedups", [True, False])
async def test_an_ambiguous_answer_is_tried_again_only_where_the_provider_drops_repeats(
    database: Database, tmp_path: Path, dedups: bool
) -> None:
    booked = weekly(1)
    async with (
        http_double() as provider,
        running(database, tmp_path, sms_url=provider.url, sms_dedups=dedups) as service,
    ):
        provider.behaviour = "drop"
        await service.hear(contact(booked.person_id), booked)
        await service.settle()

        provider.behaviour = 202
        await service.until(NOON + timedelta(hours=2))

        assert len(await service.said(ReminderSent)) == int(dedups)
        assert len(provider.taken) == int(dedups)
        assert provider.asked == (2 if dedups else 1)


async def test_nothing_leaves_when_quiet_hours_begin_between_the_intent_and_the_call(service: Running) -> None:
    booked = weekly(1)
    await service.hear(contact(booked.person_id), booked)
    await service.service.mailbox.timers.once()

    clock.step_to(NOON + timedelta(hours=8))
    await service.settle()
    assert await service.said(ReminderSent) == []

    await service.until(NOON + days(1))
    (sent,) = await service.said(ReminderSent)
    assert sent.sent_at == NOON + timedelta(hours=21)


async def test_nothing_leaves_when_the_visit_came_too_near_between_the_intent_and_the_call(service: Running) -> None:
    booked = weekly(1)
    await service.hear(contact(booked.person_id), booked)
    await service.service.mailbox.timers.once()

    clock.step_to(booked.sessions[0].starts_at + timedelta(hours=2))
    await service.settle()

    assert await service.said(ReminderSent) == []
    assert {each.why for each in await service.said(ReminderSkipped)} == {"too_late"}


async def test_a_provider_that_was_away_gets_the_message_when_it_is_back(database: Database, tmp_path: Path) -> None:
    booked = weekly(1)
    async with http_double() as provider, running(database, tmp_path, sms_url=provider.url) as service:
        provider.behaviour = 429
        await service.hear(contact(booked.person_id), booked)
        await service.until(NOON + timedelta(minutes=2))

        provider.behaviour = 202
        await service.until(NOON + timedelta(minutes=30))

        assert len(await service.said(ReminderSent)) == 1
        assert len(provider.taken) == 1


async def test_a_text_and_a_mail_say_what_a_person_would_read(database: Database, tmp_path: Path) -> None:
    texted, mailed = weekly(1), weekly(1)
    supporter = uuid4()
    known = SupporterRegistered(
        supporter_id=supporter,
        public_name="Robin",
        site_id="north",
        zone="America/New_York",
        modalities=["in_person"],
        windows=[],
        active=True,
    )
    nameless = mailed.model_copy(update={"public_name": None, "supporter_id": supporter})
    async with (
        http_double() as provider,
        smtp_double() as server,
        running(database, tmp_path, sms_url=provider.url, smtp_url=f"smtp://127.0.0.1:{server.port}") as service,
    ):
        await service.hear(
            known,
            contact(texted.person_id, first_name="Ana", language="es"),
            contact(mailed.person_id, ("email", "ben@example.org"), first_name="Ben"),
            texted,
            nameless,
        )
        await service.settle()

        (text,) = (each["text"] for each in provider.taken.values())
        assert text.startswith("Northside: su primera visita es el mar 12 may, 12:00 p.m. con Jordan.")
        (mail,) = server.mails
        assert mail.get_content().startswith("Northside: your first visit is Tue May 12, 12:00 PM with Robin.")
        assert not [each for each in ("Ana", "Ben") if each in text or each in mail.as_string()]


async def test_a_process_that_died_while_calling_repeats_the_key_and_sends_once(
    database: Database, tmp_path: Path
) -> None:
    booked = weekly(1)
    async with (
        http_double() as provider,
        running(database, tmp_path, sms_url=provider.url, smtp_dedups=True) as service,
    ):
        await service.hear(contact(booked.person_id), booked)
        await service.service.mailbox.timers.once()
        (one,) = await service.service.mailbox.errands._set_out()
        await one.outside.call(one.fact, one.trip)

        await service.settle()

        assert provider.asked == 2
        assert len(provider.taken) == 1
        assert len(await service.said(ReminderSent)) == 1


@pytest.mark.parametrize("stopped", [False, True], ids=["provider away", "person stopped"])
async def test_what_a_process_may_have_sent_before_it_died_is_never_called_unsent(
    database: Database, tmp_path: Path, stopped: bool
) -> None:
    booked = weekly(1)
    async with (
        http_double() as provider,
        running(database, tmp_path, sms_url=provider.url, smtp_dedups=True) as service,
    ):
        await service.hear(contact(booked.person_id), booked)
        await service.service.mailbox.timers.once()
        (one,) = await service.service.mailbox.errands._set_out()
        await one.outside.call(one.fact, one.trip)
        if stopped:
            await service.text("STOP", sender=PHONE, message_id="m1")
        provider.behaviour = 429
        await service.until(NOON + timedelta(hours=8))

        assert len(provider.taken) == 1 + stopped
        assert [each.reason for each in await service.said(ReminderFailed)] == ["unknown"]
        assert "message_unknown" in {each.kind for each in await service.tasks()}
        assert await service.said(ReminderSkipped) == []


async def test_a_process_that_died_while_calling_a_provider_that_takes_repeats_asks_a_person(
    database: Database, tmp_path: Path
) -> None:
    booked = weekly(1)
    async with (
        http_double() as provider,
        running(database, tmp_path, sms_url=provider.url, sms_dedups=False) as service,
    ):
        await service.hear(contact(booked.person_id), booked)
        await service.service.mailbox.timers.once()
        (one,) = await service.service.mailbox.errands._set_out()
        await one.outside.call(one.fact, one.trip)

        await service.settle()

        assert provider.asked == 1
        assert [each.reason for each in await service.said(ReminderFailed)] == ["unknown"]
