"""Duplicates, redelivery and reordering change nothing: whatever is heard again leaves every store as it was."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from deploy.nats import plan
from services.matching import app as matching
from services.matching import settings as matching_settings
from services.matching.store.tables import metadata as matching_tables
from services.notifications import app as notifications
from services.notifications import settings as notifications_settings
from services.notifications.store.tables import metadata as notifications_tables
from services.referrals import app as referrals
from services.referrals import settings as referrals_settings
from services.referrals.store.tables import metadata as referrals_tables
from services.scheduling import app as scheduling
from services.scheduling import settings as scheduling_settings
from services.scheduling.store.tables import metadata as scheduling_tables
from shared import names
from shared.database import Database
from shared.mailbox.letter import Letter
from shared.mailbox.tables import errands, letters, outbox
from shared.programme import Programme, hash_key
from shared.sealed import new_keys
from shared.service import Service
from tests.bus import ORGANISATIONS, PROGRAMME, Bus, running_mailbox, until
from tests.conftest import new_database
from tests.matching.makers import told as supporter
from tests.referrals.makers import patient
from tests.referrals.makers import request as referral
from tests.shared.parties import (
    a_letter,
    cleared,
    count,
    forget_consumer,
    hears_and_remembers,
    letters_by,
    noted,
    say_all,
    says_only,
    silent,
    wait_for,
)

SERVICES: dict[str, tuple[Any, Any, Any]] = {
    "referrals": (referrals, referrals_settings, referrals_tables),
    "matching": (matching, matching_settings, matching_tables),
    "scheduling": (scheduling, scheduling_settings, scheduling_tables),
    "notifications": (notifications, notifications_settings, notifications_tables),
}
BOTH = [{"code": each, "level": "native"} for each in ("en", "es")]
SIGNED = {"Authorization": "Bearer alk_agency"}
PLACERS = [f"R-{each}" for each in range(4)]


def signing() -> Programme:
    """The programme, whose agency has a key."""
    agency = PROGRAMME.organisations["programme"].model_copy(update={"key_hashes": [hash_key("alk_agency")]})
    return PROGRAMME.model_copy(update={"organisations": {**PROGRAMME.organisations, "programme": agency}})


async def test_changes_nothing_when_everything_is_heard_again(bus: Bus, listener: Database, speaker: Database) -> None:
    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        async with running_mailbox(bus, "matching", listener, hears_and_remembers):
            await says.run(say_all, [cleared(uuid4(), "Ana"), cleared(uuid4(), "Ben")])
            await wait_for(listener, 2)
        await forget_consumer(bus, "REFERRALS", "matching-on-referrals-0of1")
        async with running_mailbox(bus, "matching", listener, hears_and_remembers) as hears:

            async def both_known() -> bool:
                return letters_by(hears, "known") >= 2

            await until(both_known)

    assert sorted(await noted(listener)) == ["Ana", "Ben"]


async def test_a_letter_twice_in_one_batch_is_heard_once(listener: Database) -> None:
    mailbox, letter = silent("matching", listener), a_letter(uuid4())
    hears_and_remembers(mailbox)

    await mailbox.apply([letter, letter], "test")

    assert await noted(listener) == ["number 1"]


@pytest.mark.parametrize("seed", range(6))
async def test_letters_in_any_order_and_any_number_are_heard_once_in_theirs(listener: Database, seed: int) -> None:
    chance, people = Random(seed), [uuid4(), uuid4()]
    once = [a_letter(each, version, by=f"{each} {version}") for each in people for version in range(1, 6)]
    shuffled = chance.sample([*once, *once, *once], k=3 * len(once))
    mailbox = silent("matching", listener)
    hears_and_remembers(mailbox)

    while shuffled:
        size = chance.randint(1, 6)
        batch, shuffled = shuffled[:size], shuffled[size:]
        await mailbox.apply(batch, "test")
        await mailbox.aside.once()
    while await mailbox.aside.once():
        pass

    what = await noted(listener)
    for each in people:
        assert [one for one in what if one.startswith(str(each))] == [f"{each} {version}" for version in range(1, 6)]
    assert await count(listener, letters) == 0


async def test_three_letters_of_a_key_are_heard_in_order_whichever_comes_first(listener: Database) -> None:
    mailbox, everybody = silent("matching", listener), []
    hears_and_remembers(mailbox)

    for each in permutations((1, 2, 3)):
        person = uuid4()
        everybody.append(person)
        arriving: list[Letter] = [a_letter(person, version, by=f"{person} {version}") for version in each]
        for letter in arriving:
            await mailbox.apply([letter], "test")
    while await mailbox.aside.once():
        pass

    what = await noted(listener)
    for person in everybody:
        assert [one for one in what if one.startswith(str(person))] == [f"{person} {each}" for each in (1, 2, 3)]


@asynccontextmanager
async def all_services(bus: Bus, folder: Path, urls: dict[str, str]) -> AsyncIterator[dict[str, Service]]:
    """The four services as they are, each on its store."""
    async with AsyncExitStack() as stack:
        running = {}
        for name, (app, settings, _) in SERVICES.items():
            files = {"programme": folder / "programme.json", "seal_keys": folder / "seal.json"}
            seed = bus.configuration.seeds[name]
            open_all_day = {"quiet_until": "00:00", "quiet_from": "23:59:59"} if name == "notifications" else {}
            told = settings.Settings(database_url=urls[name], nats_url=bus.url, nats_seed=seed, **files, **open_all_day)
            running[name] = app.create(told)
            await running[name].open_store()
            await stack.enter_async_context(running[name].http.router.lifespan_context(running[name].http))
        yield running


@pytest.fixture
async def urls(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> dict[str, str]:
    """A store for each service, of the same kind as `database`."""
    if database.path:
        return {each: f"sqlite:///{tmp_path / each}.sqlite" for each in SERVICES}
    return {each: await new_database(request.getfixturevalue("postgres").url) for each in SERVICES}


def consumers(running: dict[str, Service]) -> list[plan.Consumer]:
    """The consumers that somebody reads."""
    speakers = {name: {*each.mailbox.board.speakers(), "sealed"} for name, each in running.items()}
    read = {names.consumer(name, speaker) for name, of in speakers.items() for speaker in of} | set(SERVICES)
    return [each for each in plan.consumers(ORGANISATIONS) if each.name in read and each.owner in running]


async def all_carried(bus: Bus, running: dict[str, Service]) -> bool:
    """Whether everything that was said is heard, and nothing is under way."""
    for each in running.values():
        open_ones = await count(each.database, errands, errands.c.state != "done")
        if open_ones or await count(each.database, outbox, outbox.c.sent_at.is_(None)) or not each.mailbox.at_rest:
            return False
    told = await bus.ask_all(*(f"CONSUMER.INFO.{each.stream}.{each.name}" for each in consumers(running)))
    return not any(each["num_pending"] or each["num_ack_pending"] for each in told)


async def play(bus: Bus, running: dict[str, Service]) -> None:
    """Refer four people, find somebody for three of them, and let them meet and be reminded."""
    agency, hospital = await bus.client("programme"), await bus.client("general-hospital")
    for _ in range(3):
        body = json.dumps(supporter(supporter_id=str(uuid4()), languages=BOTH)).encode()
        await agency.jetstream().publish("ingest.programme.supporter.v1", body)
    await until(lambda: all_carried(bus, running), 30)
    for each in PLACERS:
        body = json.dumps(
            referral(each, contained=[patient(identifier=[{"system": "urn:mrn", "value": each}])])
        ).encode()
        await hospital.jetstream().publish("ingest.general-hospital.referral.v1", body)
    await until(lambda: all_carried(bus, running), 30)
    await agency.close()
    await hospital.close()
    transport = httpx.ASGITransport(app=running["matching"].http)
    async with httpx.AsyncClient(transport=transport, base_url="http://matching", headers=SIGNED) as http:
        for each in (await http.get("/offers")).json():
            told = await http.post(f"/offers/{each['offer_id']}/answer", json={"answer": "accept"})
            assert told.status_code == 200, told.text
    await until(lambda: all_carried(bus, running), 30)


async def hashes(running: dict[str, Service]) -> dict[str, str]:
    """The state of each store: every table, in an order of its own, without the machine's own times."""
    return {name: await state_hash(each.database, SERVICES[name][2]) for name, each in running.items()}


MACHINE_TIMES = {("outbox", "sent_at"), ("outbox", "sequence"), ("inbox", "heard_at"), ("errands", "done_at")}


async def state_hash(database: Database, metadata: Any) -> str:
    """One number for all that a store holds."""
    digest = hashlib.sha256()
    async with database.reading() as db:
        for table in sorted(metadata.tables.values(), key=lambda each: each.name):
            columns = [each for each in table.c if (table.name, each.name) not in MACHINE_TIMES]
            found = sorted(repr(tuple(row)) for row in await db.execute(select(*columns)))
            digest.update(f"{table.name} {found}".encode())
    return digest.hexdigest()


async def how_many(running: dict[str, Service], table: str) -> int:
    name = next(each for each, (_, _, metadata) in SERVICES.items() if table in metadata.tables)
    return await count(running[name].database, SERVICES[name][2].tables[table])


def heard_again(service: Service) -> float:
    """How many letters a service knew already."""
    found = [sample for metric in service.mailbox.meters.letters.collect() for sample in metric.samples]
    return sum(each.value for each in found if each.name.endswith("_total") and each.labels["outcome"] == "known")


async def test_replaying_every_stream_twice_leaves_all_four_stores_as_they_were(
    bus: Bus, urls: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "programme.json").write_text(signing().model_dump_json())
    (tmp_path / "seal.json").write_text(new_keys())
    async with all_services(bus, tmp_path, urls) as running:
        await play(bus, running)
        before = await hashes(running)
        there = {each: await how_many(running, each) for each in ("referrals", "matches", "sessions", "reminders")}

    after, known = [], []
    for _ in range(2):
        await replay(bus)
        async with all_services(bus, tmp_path, urls) as running:
            await until(lambda: all_carried(bus, running), 60)
            after.append(await hashes(running))
            known.append(min(heard_again(each) for each in running.values()))

    assert all(there.values()) and all(known), (there, known)
    assert after == [before, before]


async def replay(bus: Bus) -> None:
    """Let every service hear every stream from its beginning."""
    theirs = [each for each in plan.consumers(ORGANISATIONS) if each.owner in SERVICES]
    await bus.ask_all(*(f"CONSUMER.DELETE.{each.stream}.{each.name}" for each in theirs))
    await bus.declare()
