"""What is said reaches whoever hears it, once, unreadable where it must be, and is answered where it asks."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.events.referrals import ContactShared, RiskCleared
from shared.mailbox import Ingested, Status
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import letters, outbox
from tests.bus import Bus, running_mailbox, until
from tests.shared.parties import (
    all_sent,
    cleared,
    count,
    forget_consumer,
    hears_and_remembers,
    note,
    noted,
    rows,
    say_all,
    says_only,
    silent,
    wait_for,
)


async def test_carries_a_fact_once_from_one_store_to_another(bus: Bus, listener: Database, speaker: Database) -> None:
    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "matching", listener, hears_and_remembers),
    ):
        answer = await says.run(say_all, [cleared(uuid4(), "Ana")])
        await wait_for(listener, 1)

    assert answer == "done"
    assert await noted(listener) == ["Ana"]


async def test_says_everything_again_when_the_broker_has_forgotten(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        await says.run(say_all, [cleared(uuid4(), "Ana"), cleared(uuid4(), "Ben")])
        await until(lambda: all_sent(speaker))
        await bus.ask("STREAM.DELETE.REFERRALS")
        await bus.declare()
        async with running_mailbox(bus, "matching", listener, hears_and_remembers):
            await wait_for(listener, 2)

    assert sorted(await noted(listener)) == ["Ana", "Ben"]


async def test_a_sealed_fact_travels_unreadable_and_reaches_its_one_listener(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    contact = ContactShared(
        person_id=uuid4(), site_id="north", first_name="Canary", zone="America/New_York", reaches=[]
    )

    async def know(fact: ContactShared, db: AsyncConnection) -> None:
        await note(db, fact.first_name or "")

    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "notifications", listener, lambda mailbox: mailbox.on(ContactShared, know)),
    ):
        await says.run(say_all, [contact])
        await wait_for(listener, 1)

    assert all(b"Canary" not in each["body"] for each in await rows(speaker, select(outbox.c.body)))
    assert await noted(listener) == ["Canary"]


async def test_an_organisation_posts_and_is_told_what_became_of_it(bus: Bus, listener: Database) -> None:
    async def receive(posted: Ingested, db: AsyncConnection) -> Status:
        await note(db, posted.body.decode())
        return Status(organisation=posted.organisation, kind="referral", about="r1", body={"status": "accepted"})

    async with running_mailbox(bus, "referrals", listener, lambda mailbox: mailbox.on_ingest("referral", receive)):
        hospital = await bus.client("general-hospital")
        taken = await hospital.request("ingest.general-hospital.referral.v1", b"{}", timeout=2)
        await wait_for(listener, 1)
        reader = await hospital.jetstream().pull_subscribe_bind(durable="reader", stream="STATUS_general-hospital")
        (told,) = await reader.fetch(1, timeout=5)
        await hospital.close()

    assert b'"seq":1' in taken.data.replace(b" ", b"")
    assert told.data == b'{"status": "accepted"}'
    assert await noted(listener) == ["{}"]


async def test_what_an_organisation_posted_has_one_effect_however_often_it_is_heard(
    bus: Bus, listener: Database
) -> None:
    async def receive(posted: Ingested, db: AsyncConnection) -> Status:
        await note(db, posted.body.decode())
        return Status(organisation=posted.organisation, kind="referral", about="r1", body={})

    def register(mailbox: Mailbox) -> None:
        mailbox.on_ingest("referral", receive)

    hospital = await bus.client("general-hospital")
    for body in (b"one", b"two"):
        await hospital.request("ingest.general-hospital.referral.v1", body, timeout=2)
    await hospital.close()
    for _ in range(2):
        async with running_mailbox(bus, "referrals", listener, register):
            await wait_for(listener, 2)
            await until(lambda: all_sent(listener))
            await until(lambda: all_acknowledged(bus, "IN_general-hospital", "referrals"))
        await forget_consumer(bus, "IN_general-hospital", "referrals")

    assert await noted(listener) == ["one", "two"]
    assert (await count(listener, outbox), await count(listener, letters)) == (2, 0)


async def all_acknowledged(bus: Bus, stream: str, consumer: str) -> bool:
    told = await bus.ask(f"CONSUMER.INFO.{stream}.{consumer}")
    return not told["num_pending"] and not told["num_ack_pending"]


@pytest.mark.parametrize("status", ["100", "408", "503"])
async def test_a_header_named_like_the_brokers_own_takes_nothing_away(
    bus: Bus, listener: Database, status: str
) -> None:
    async def receive(posted: Ingested, db: AsyncConnection) -> None:
        await note(db, posted.body.decode())

    async with running_mailbox(bus, "referrals", listener, lambda mailbox: mailbox.on_ingest("referral", receive)):
        hospital = await bus.client("general-hospital")
        await hospital.request("ingest.general-hospital.referral.v1", b"{}", timeout=2, headers={"Status": status})
        await wait_for(listener, 1)
        await hospital.close()

    assert await noted(listener) == ["{}"]


UNTIDY = {
    "a first line that is not the broker's": b"XXXX/9.9 \xff\xff\xff\r\nFoo: bar\r\n\r\n",
    "an id with a NUL": b"NATS/1.0\r\nNats-Msg-Id: k\x00l\r\n\r\n",
    "an id of 3,000 characters": b"NATS/1.0\r\nNats-Msg-Id: " + b"k" * 3_000 + b"\r\n\r\n",
    "a trace with a NUL": b"NATS/1.0\r\ntraceparent: 00-\x00\r\n\r\n",
    "a trace of 50,000 characters": b"NATS/1.0\r\ntraceparent: " + b"0" * 50_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("headers", UNTIDY.values(), ids=UNTIDY.keys())
async def test_headers_that_nobody_can_read_keep_nobody_from_hearing(
    bus: Bus, listener: Database, headers: bytes
) -> None:
    async def receive(posted: Ingested, db: AsyncConnection) -> RiskCleared:
        await note(db, posted.body.decode())
        return cleared(UUID(int=1), posted.reference)

    async with running_mailbox(bus, "referrals", listener, lambda mailbox: mailbox.on_ingest("referral", receive)):
        hospital = await bus.client("general-hospital")
        subject, body = "ingest.general-hospital.referral.v1", b"untidy"
        told = f"HPUB {subject} {len(headers)} {len(headers) + len(body)}\r\n".encode()
        await hospital._send_command(told + headers + body + b"\r\n")
        await hospital.request(subject, b"tidy", timeout=2)
        await wait_for(listener, 2)
        await until(lambda: all_sent(listener))
        await hospital.close()

    assert await noted(listener) == ["untidy", "tidy"]
    assert await count(listener, letters) == 0


async def test_a_fact_that_no_broker_takes_is_not_said(listener: Database) -> None:
    mailbox = silent("referrals", listener)

    with pytest.raises(ValueError, match="more than the broker takes"):
        await mailbox.run(say_all, [cleared(uuid4(), "x" * 260_000)])

    assert await count(listener, outbox) == 0


async def test_answers_a_payer_on_the_bus(bus: Bus, listener: Database) -> None:
    async def answer(asked: Ingested, db: AsyncConnection) -> dict[str, Any]:
        return {"payer": asked.organisation}

    def register(mailbox: Mailbox) -> None:
        mailbox.on_query("covered-sessions", answer)

    async with running_mailbox(bus, "scheduling", listener, register):
        payer = await bus.client("garden-health")
        told = await payer.request("query.garden-health.covered-sessions.v1", b"{}", timeout=2)
        await payer.close()

    assert told.data == b'{"payer":"garden-health"}'
