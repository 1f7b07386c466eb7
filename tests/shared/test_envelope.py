"""Every message is a CloudEvent 1.0 in binary mode that carries its trace on, and tells nothing about anybody."""

import base64
import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.events.matching import OfferFellDue, RoomFreed
from shared.events.referrals import ContactShared, CrisisRaised, RiskCleared
from shared.mailbox import Errand, Later, Status, Trip
from shared.mailbox.box import Mailbox
from shared.mailbox.tables import outbox
from tests.bus import Bus, running_mailbox, until
from tests.shared.parties import all_sent, cleared, count, freed, note, say_all, says_only, wait_for


async def messages(bus: Bus, stream: str) -> list[tuple[str, dict[str, str], bytes]]:
    """What a stream keeps: subject, headers, body."""
    many = (await bus.ask(f"STREAM.INFO.{stream}"))["state"]["messages"]
    asked = [json.dumps({"seq": each}).encode() for each in range(1, many + 1)]
    return [_read((await bus.ask(f"STREAM.MSG.GET.{stream}", each))["message"]) for each in asked]


def _read(kept: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    lines = base64.b64decode(kept["hdrs"]).decode().split("\r\n")[1:]
    headers = dict(line.split(": ", 1) for line in lines if line)
    return kept["subject"], headers, base64.b64decode(kept["data"])


async def test_a_fact_travels_as_a_cloud_event_in_binary_mode(bus: Bus, speaker: Database) -> None:
    fact = cleared(uuid4(), "Ana")

    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        await says.run(say_all, [fact])
        await until(lambda: all_sent(speaker))

    ((subject, headers, body),) = await messages(bus, "REFERRALS")
    assert subject == fact.subject()
    assert body == fact.wire()
    assert UUID(headers.pop("ce-id")) and datetime.fromisoformat(headers.pop("ce-time")).utcoffset() is not None
    trace = headers.pop("traceparent").split("-")
    assert [len(each) for each in trace] == [2, 32, 16, 2]
    assert headers == {
        "ce-specversion": "1.0",
        "ce-type": "referrals.risk-cleared.v1",
        "ce-source": "referrals",
        "ce-subject": str(fact.person_id),
        "ce-sequence": "1",
        "ce-opens": "1",
    }


async def test_only_what_organisations_read_is_kept_single_by_the_broker_too(bus: Bus, speaker: Database) -> None:
    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        await says.run(say_all, [cleared(uuid4(), "Ana"), Status("general-hospital", "referral", "r1", {})])
        await until(lambda: all_sent(speaker))

    ((_, internal, _),), ((_, outside, _),) = [
        await messages(bus, each) for each in ("REFERRALS", "STATUS_general-hospital")
    ]
    assert "Nats-Msg-Id" not in internal
    assert outside["Nats-Msg-Id"] == outside["ce-id"]


async def test_neither_subject_nor_header_tells_what_a_fact_says(bus: Bus, speaker: Database) -> None:
    contact = ContactShared(
        person_id=uuid4(), site_id="north", first_name="Canary", zone="America/New_York", reaches=[]
    )

    async with running_mailbox(bus, "referrals", speaker, says_only) as says:
        await says.run(say_all, [contact, cleared(uuid4(), "Canary")])
        await until(lambda: all_sent(speaker))

    for stream in ("SEALED", "REFERRALS"):
        for subject, headers, _ in await messages(bus, stream):
            assert "canary" not in f"{subject} {headers}".lower()


async def test_the_trace_of_what_was_heard_carries_on_to_all_that_follows(
    bus: Bus, listener: Database, speaker: Database
) -> None:
    async def hear(fact: RiskCleared, db: AsyncConnection) -> list[Any]:
        due = OfferFellDue(offer_id=fact.referral_id, person_id=fact.person_id)
        page = CrisisRaised(
            referral_id=fact.referral_id, person_id=fact.person_id, site_id="north", raised_at=fact.cleared_at
        )
        return [freed(fact.person_id), Later(due, due=fact.cleared_at), Errand(page, key=str(fact.person_id))]

    async def ring(fact: OfferFellDue, db: AsyncConnection) -> RoomFreed:
        return freed(fact.person_id)

    async def call(fact: CrisisRaised, trip: Trip) -> str:
        return trip.key

    async def home(fact: CrisisRaised, result: Any, db: AsyncConnection) -> RoomFreed:
        await note(db, result)
        return freed(fact.person_id)

    def register(mailbox: Mailbox) -> None:
        mailbox.on(RiskCleared, hear)
        mailbox.on_timer(OfferFellDue, ring)
        mailbox.errand(CrisisRaised, call, then=home)

    ana, ben = uuid4(), uuid4()
    async with (
        running_mailbox(bus, "referrals", speaker, says_only) as says,
        running_mailbox(bus, "matching", listener, register),
    ):
        await says.run(say_all, [cleared(ana, "x")])
        await says.run(say_all, [cleared(ben, "x")])
        await wait_for(listener, 2)
        await until(lambda: said_all(listener, 6))

    began = {headers["ce-subject"]: headers["traceparent"] for _, headers, _ in await messages(bus, "REFERRALS")}
    went_on = [(headers["ce-subject"], headers["traceparent"]) for _, headers, _ in await messages(bus, "MATCHING")]
    assert began[str(ana)] != began[str(ben)]
    assert sorted(went_on) == sorted([(each, began[each]) for each in (str(ana), str(ben))] * 3)


async def said_all(database: Database, wanted: int) -> bool:
    return await count(database, outbox, outbox.c.sent_at.is_not(None)) == wanted
