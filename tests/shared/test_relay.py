"""How what was said leaves: in atomic batches, alone where a batch is refused, and past a stream that takes nothing."""

import base64
import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from shared import names
from shared.database import Database
from shared.mailbox import Status
from shared.mailbox.relay import ATOMIC_FROM
from shared.mailbox.tables import outbox
from tests.bus import Bus, running_mailbox, until
from tests.shared.parties import all_sent, change, cleared, count, rows, say_all, says_only, silent

MANY = 3 * ATOMIC_FROM


async def limit(bus: Bus, stream: str, **limits: Any) -> None:
    """Change a stream behind everybody's back."""
    config = (await bus.ask(f"STREAM.INFO.{stream}"))["config"]
    answer = await bus.ask(f"STREAM.UPDATE.{stream}", json.dumps({**config, **limits}).encode())
    assert "error" not in answer, answer


def sent(database: Database) -> Any:
    """How many rows JetStream took."""
    return count(database, outbox, outbox.c.sent_at.is_not(None))


async def told(bus: Bus, stream: str, header: str) -> list[str]:
    """What a header says in each message of a stream that has it, in their order."""
    many = (await bus.ask(f"STREAM.INFO.{stream}"))["state"]["messages"]
    found = []
    for each in range(1, many + 1):
        held = await bus.ask(f"STREAM.MSG.GET.{stream}", json.dumps({"seq": each}).encode())
        found += base64.b64decode(held["message"]["hdrs"]).decode().splitlines()
    return [line.partition(": ")[2] for line in found if line.startswith(f"{header}:")]


async def test_many_rows_leave_as_one_atomic_batch_in_order(bus: Bus, speaker: Database) -> None:
    person = uuid4()
    await silent("referrals", speaker).run(say_all, [cleared(person, f"{each}") for each in range(MANY)])

    async with running_mailbox(bus, "referrals", speaker, says_only):
        await until(lambda: all_sent(speaker))

    placed = await rows(speaker, select(outbox.c.sequence).order_by(outbox.c.id))
    assert [each["sequence"] for each in placed] == list(range(1, MANY + 1))
    assert (await bus.ask("STREAM.INFO.REFERRALS"))["state"]["messages"] == MANY
    assert len(set(await told(bus, "REFERRALS", "Nats-Batch-Id"))) == 1


async def test_rows_leave_alone_where_a_batch_is_refused(bus: Bus, speaker: Database) -> None:
    await limit(bus, "REFERRALS", allow_atomic=False)
    await silent("referrals", speaker).run(say_all, [cleared(uuid4(), f"{each}") for each in range(MANY)])

    async with running_mailbox(bus, "referrals", speaker, says_only):
        await until(lambda: all_sent(speaker))

    assert (await bus.ask("STREAM.INFO.REFERRALS"))["state"]["messages"] == MANY
    assert await told(bus, "REFERRALS", "Nats-Batch-Id") == []


async def test_answers_that_the_broker_has_already_make_it_refuse_the_batch_and_keep_their_places(
    bus: Bus, listener: Database
) -> None:
    answers = [Status("general-hospital", "referral", f"r{each}", {}) for each in range(2 * MANY)]
    async with running_mailbox(bus, "referrals", listener, says_only) as mailbox:
        await mailbox.run(say_all, answers[:MANY])
        await until(lambda: all_sent(listener))
    places = select(outbox.c.event_id, outbox.c.sequence).where(outbox.c.sequence.is_not(None)).order_by(outbox.c.id)
    before = await rows(listener, places)
    # As if the process had died before it could write down what was taken.
    await change(listener, update(outbox).where(outbox.c.id % 2 == 0).values(sent_at=None, sequence=None))
    await silent("referrals", listener).run(say_all, answers[MANY:])

    async with running_mailbox(bus, "referrals", listener, says_only):
        await until(lambda: all_sent(listener))

    after = await rows(listener, places)
    assert after[:MANY] == before
    held = await told(bus, "STATUS_general-hospital", names.EVENT_ID)
    assert dict(enumerate(held, 1)) == {each["sequence"]: str(each["event_id"]) for each in after}


@pytest.mark.parametrize("others", [3, 30])
async def test_a_row_that_the_broker_never_takes_holds_up_no_other(bus: Bus, speaker: Database, others: int) -> None:
    await silent("referrals", speaker).run(say_all, [cleared(uuid4(), f"{each}") for each in range(others + 1)])
    await change(speaker, update(outbox).where(outbox.c.id == 2).values(body=b"x" * 300_000))

    async def all_others_left() -> bool:
        return bool(await sent(speaker) == others)

    async with running_mailbox(bus, "referrals", speaker, says_only):
        await until(all_others_left)

    assert [each["id"] for each in await rows(speaker, select(outbox.c.id).where(outbox.c.sent_at.is_(None)))] == [2]


async def test_a_stream_that_refuses_rests_and_the_others_go_on(bus: Bus, listener: Database) -> None:
    await limit(bus, "REFERRALS", max_msgs=1, discard="new")
    facts = [cleared(uuid4(), f"{each}") for each in range(3)]
    answers = [Status("general-hospital", "referral", f"r{each}", {}) for each in range(3)]

    async def all_but_two_left() -> bool:
        return bool(await sent(listener) == 4)

    async with running_mailbox(bus, "referrals", listener, says_only) as mailbox:
        await mailbox.run(say_all, facts)
        await until(lambda: sent(listener))
        await mailbox.run(say_all, answers)
        await until(all_but_two_left)
        refused = await rows(listener, select(outbox.c.stream).where(outbox.c.sent_at.is_(None)))
        await limit(bus, "REFERRALS", max_msgs=-1)
        await until(lambda: all_sent(listener))

    assert [each["stream"] for each in refused] == ["REFERRALS", "REFERRALS"]
