"""The whole service on a real bus: what others say becomes messages, and what it says is carried on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from services.notifications import HEARS, SAYS, app
from services.notifications.settings import Settings
from services.notifications.store.tables import reminders
from shared import clock
from shared.database import Database
from shared.events import notifications
from shared.events.fact import catalogue
from shared.mailbox import Reply
from shared.mailbox.tables import outbox
from shared.sealed import new_keys
from shared.service import Service
from tests.bus import PROGRAMME, Bus, running_bus, running_mailbox, until, with_shared_tables
from tests.notifications.made import contact, series


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with running_bus(tmp_path / "nats") as running:
        yield running


def settings(folder: Path, **knobs: Any) -> Settings:
    (folder / "programme.json").write_text(PROGRAMME.model_dump_json())
    (folder / "seal.json").write_text(new_keys())
    all_day = {"quiet_until": "00:00", "quiet_from": "23:59:59.999999"}
    return Settings(**{"programme": folder / "programme.json", "seal_keys": folder / "seal.json", **all_day, **knobs})


@asynccontextmanager
async def speaking(bus: Bus, speaker: str, folder: Path) -> AsyncIterator[Any]:
    store = await with_shared_tables(Database.open(f"sqlite:///{folder / speaker}.sqlite"))
    async with running_mailbox(bus, speaker, store, lambda _: None) as mailbox:
        yield mailbox
    await store.close()


async def sent(service: Service) -> int:
    wanted = select(func.count()).where(reminders.c.state == "accepted")
    carried = select(func.count()).where(
        outbox.c.type == "notifications.reminder-sent.v1", outbox.c.sent_at.is_not(None)
    )
    async with service.database.reading() as db:
        return min(int(await db.scalar(wanted) or 0), int(await db.scalar(carried) or 0))


async def test_what_others_say_becomes_a_message_whichever_comes_first(bus: Bus, tmp_path: Path) -> None:
    soon = clock.now() + timedelta(days=9)
    one, other = series(soon), series(soon)

    async def say(fact: Any, _: Any) -> Reply:
        return Reply(None, fact)

    service = app.create(settings(tmp_path, nats_url=bus.url, nats_seed=bus.configuration.seeds["notifications"]))
    await service.open_store()
    async with (
        speaking(bus, "referrals", tmp_path) as referrals,
        speaking(bus, "scheduling", tmp_path) as scheduling,
        service.http.router.lifespan_context(service.http),
    ):
        await referrals.run(say, contact(one.person_id))
        await scheduling.run(say, one)
        await scheduling.run(say, other)
        await referrals.run(say, contact(other.person_id))

        async def both_confirmed() -> bool:
            return await sent(service) == 2

        await until(both_confirmed, within=20)


def test_the_service_hears_and_says_what_it_opens_with(tmp_path: Path) -> None:
    service = app.create(settings(tmp_path))

    assert sorted(HEARS) == sorted(service.mailbox.board.hearings)
    assert sorted(SAYS) == sorted(catalogue(notifications))


@pytest.mark.parametrize(
    ("knob", "value", "says"),
    [
        ("smtp_url", "http://mail", "smtp://host:port"),
        ("quiet_from", "08:00", "open before they close"),
    ],
)
def test_wrong_settings_say_what_to_do(tmp_path: Path, knob: str, value: str, says: str) -> None:
    knobs = {"quiet_until": "09:00", "quiet_from": "20:00", knob: value}

    with pytest.raises(ValueError, match=says):
        app.create(settings(tmp_path, **knobs))
