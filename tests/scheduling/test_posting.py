"""What is posted to scheduling through a real broker: taken in, answered, and counted; from one's own account alone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats.errors
import pytest

from services.scheduling import app
from services.scheduling.handlers.insurers import AFTERWARDS
from services.scheduling.settings import Settings
from services.scheduling.store.meetings import Listing, listed
from shared import clock
from shared.mailbox import Reply
from shared.sealed import new_keys
from shared.service import Service
from shared.work import open_tasks
from tests.bus import PROGRAMME, Bus, running_bus, until
from tests.scheduling.makers import NOW, an_id, coverage, match, referral, supporter
from tests.scheduling.test_telling import authorising, covering

PAYER, AGENCY = "garden-health", "programme"
PLANS = ["P1-CAROLINA-MCO", "P3-GARDEN-SUD"]


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    """A real NATS, at a known moment."""
    clock.step_to(NOW)
    async with running_bus(tmp_path / "nats") as running:
        yield running


def service_on(bus: Bus, folder: Path) -> Service:
    """The service, not yet running; the insurer has two plans."""
    programme = PROGRAMME.model_copy(deep=True)
    programme.organisations[PAYER] = programme.organisations[PAYER].model_copy(update={"plan_ids": PLANS})
    (folder / "programme.json").write_text(programme.model_dump_json())
    (folder / "seal.json").write_text(new_keys())
    return app.create(
        Settings(
            programme=folder / "programme.json",
            seal_keys=folder / "seal.json",
            nats_url=bus.url,
            nats_seed=bus.configuration.seeds["scheduling"],
        )
    )


async def hear(service: Service, *facts: Any) -> None:
    """Let the service hear facts as if they had come by the bus."""

    async def handle(heard: Any, db: Any) -> Reply:
        return Reply(None, await service.mailbox.board.hear([(each.key(), each) for each in heard], db))

    await service.mailbox.run(handle, facts)


async def heard(status: Any, count: int) -> list[Any]:
    """The next messages of an organisation's own stream."""
    told: list[Any] = []

    async def enough() -> bool:
        try:
            told.extend(await status.fetch(count, timeout=0.5))
        except TimeoutError:
            return False
        return len(told) >= count

    await until(enough, within=20)
    for each in told:
        await each.ack()
    return told


async def test_an_insurer_posts_and_is_told_of_every_post_what_became_of_it(bus: Bus, tmp_path: Path) -> None:
    service = service_on(bus, tmp_path)
    await service.open_store()
    bodies: list[tuple[str, bytes]] = [
        ("coverage", json.dumps(covering(("2025-01-01", None))).encode()),
        ("authorization", json.dumps(authorising()).encode()),
        ("coverage", b'{"member_id": NaN}'),
        ("authorization", b"\xff\xfe"),
        ("coverage", json.dumps(covering(as_of="2026-03-01T13:00:00Z")).encode()),
    ]
    async with service.http.router.lifespan_context(service.http):
        insurer = await bus.client(PAYER)
        posts = insurer.jetstream()
        status = await posts.pull_subscribe_bind("reader", f"STATUS_{PAYER}")
        for number, (kind, body) in enumerate(bodies):
            await posts.publish(f"ingest.{PAYER}.{kind}.v1", body, headers={"Nats-Msg-Id": f"m-{number}"})
        told = {each.headers["ce-subject"]: each for each in await heard(status, len(bodies))}

        await insurer.close()

    assert [told[f"m-{n}"].subject.split(".")[2] for n in range(5)] == [kind for kind, _ in bodies]
    found = [json.loads(told[f"m-{n}"].data) for n in range(5)]
    assert [each["status"] for each in found] == ["accepted", "accepted", "refused", "refused", "accepted"]
    assert [each["message_id"] for each in found] == [f"m-{n}" for n in range(5)]
    assert found[3]["errors"] == [{"where": "$", "remedy": "send UTF-8; byte 0 is not"}]


async def test_what_is_posted_on_the_bus_is_counted_for_whoever_is_that_member(bus: Bus, tmp_path: Path) -> None:
    service = service_on(bus, tmp_path)
    await service.open_store()
    async with service.http.router.lifespan_context(service.http):
        await hear(service, supporter(), referral(), coverage(payer=PAYER))
        insurer = await bus.client(PAYER)

        await insurer.jetstream().publish(f"ingest.{PAYER}.coverage.v1", json.dumps(covering()).encode())

        async def asked() -> Any:
            clock.step_to(clock.now() + AFTERWARDS)
            async with service.database.reading() as db:
                return [each.about for each in await open_tasks(db) if each.kind == "coverage_differs"]

        assert await until(asked) == [str(an_id("ana"))]
        await insurer.close()


async def test_whoever_holds_a_session_says_on_the_bus_who_came(bus: Bus, tmp_path: Path) -> None:
    service = service_on(bus, tmp_path)
    await service.open_store()
    async with service.http.router.lifespan_context(service.http):
        sam = supporter(organisation=AGENCY, hosts=[])
        await hear(service, sam, referral(), coverage(payer=PAYER), match(site_id="north"))
        async with service.database.reading() as db:
            session, *_ = await listed(db, Listing())
        clock.step_to(session["ends_at"])
        seat = {"session_id": str(session["session_id"]), "seat_id": str(session["seats"][0]["seat_id"])}
        agency = await bus.client(AGENCY)
        posts = agency.jetstream()
        status = await posts.pull_subscribe_bind("reader", f"STATUS_{AGENCY}")

        for change in ({"minutes": 45}, {"minutes": 45}, {"minutes": 20}, {"session_id": str(an_id("another"))}):
            body = json.dumps({**seat, "outcome": "attended", **change}).encode()
            await posts.publish(f"ingest.{AGENCY}.attendance.v1", body)
        told = [json.loads(each.data) for each in await heard(status, 4)]

        await agency.close()

    assert [each.get("outcome", each["status"]) for each in told] == ["recorded", "known", "differs", "refused"]


async def test_a_post_that_makes_no_sense_keeps_nobody_waiting(bus: Bus, tmp_path: Path) -> None:
    service = service_on(bus, tmp_path)
    await service.open_store()
    nonsense = [b"", b"[" * 60_000, b'{"spans": 1e999}', b"\x00", b'{"a": ' + b"9" * 5000 + b"}", b"null"]
    async with service.http.router.lifespan_context(service.http):
        insurer = await bus.client(PAYER)
        posts = insurer.jetstream()
        status = await posts.pull_subscribe_bind("reader", f"STATUS_{PAYER}")
        for kind in ("coverage", "authorization"):
            for body in nonsense:
                await posts.publish(f"ingest.{PAYER}.{kind}.v1", body, headers={"Content-Type": "\t"})
        await posts.publish(f"ingest.{PAYER}.coverage.v1", json.dumps(covering()).encode())

        told = [json.loads(each.data) for each in await heard(status, 2 * len(nonsense) + 1)]

        left = (await bus.ask(f"CONSUMER.INFO.IN_{PAYER}.scheduling"))["num_ack_pending"]
        await insurer.close()

    assert [each["status"] for each in told].count("refused") == 2 * len(nonsense)
    assert all(each["where"] and each["remedy"] for one in told for each in one.get("errors", []))
    assert left == 0


async def test_who_may_not_tell_of_members_is_refused_by_the_server(bus: Bus, tmp_path: Path) -> None:
    hospital = await bus.client("general-hospital")

    for subject in ("ingest.general-hospital.coverage.v1", f"ingest.{PAYER}.coverage.v1"):
        with pytest.raises((TimeoutError, nats.errors.Error)):
            await hospital.request(subject, b"{}", timeout=0.5)

    held = (await bus.ask(f"STREAM.INFO.IN_{PAYER}"))["state"]["messages"]
    await hospital.close()
    assert held == 0
