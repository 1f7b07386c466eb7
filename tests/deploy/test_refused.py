"""What nobody may do to another on the broker, beyond what subjects say: forged replies, headers, sizes, numbers."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress

import nats
import pytest

from tests.deploy.ground import Ground, User, counts, user
from tests.deploy.universe import ORGANISATIONS, SERVICES

EVERYBODY = (*SERVICES, *ORGANISATIONS)
HARM = (
    *(f"{each}.forged.v1.0" for each in SERVICES),
    *(f"sealed.{each}.forged.v1.0" for each in SERVICES),
    *(f"ingest.{each}.referral.v1" for each in ORGANISATIONS),
    *(f"status.{each}.referral.v1" for each in ORGANISATIONS),
    "clock.now.v1",
    "$JS.API.STREAM.PURGE.REFERRALS",
    "$JS.API.STREAM.DELETE.REFERRALS",
)
"""Where a reply would do harm: it would be kept as a fact, or taken for an administrator's request."""


def own_subject(name: str) -> str:
    return f"{name}.own.v1.0" if name in SERVICES else f"ingest.{name}.referral.v1"


def own_consumer(name: str) -> tuple[str, str]:
    return (name.upper(), f"{name}-on-{name}-0of1") if name in SERVICES else (f"STATUS_{name}", "reader")


def kept_for(name: str) -> set[str]:
    """The streams in which a user's own messages are kept."""
    own = {name.upper()} if name in SERVICES else {f"IN_{name}"}
    sealed = {"SEALED"} if name == "referrals" else set()
    answers = {f"STATUS_{each}" for each in ORGANISATIONS} if name in ("referrals", "matching") else set()
    return own | sealed | answers


async def unacknowledged(listener: User) -> int:
    told = await listener.ask("$JS.API.CONSUMER.INFO.REFERRALS.referrals-on-referrals-0of1")
    count: int = json.loads(told.data)["num_ack_pending"]
    return count


async def reply_to(forger: User, target: str) -> None:
    """This will name somebody else's subject for the acknowledgement of a message, for a letter, and for a refusal."""
    ask = f"$JS.API.CONSUMER.MSG.NEXT.{'.'.join(own_consumer(forger.name))}"
    await forger.client.publish(own_subject(forger.name), b"", reply=target)
    await forger.client.publish(ask, b"1", reply=target)
    await forger.client.publish(ask, b'{"batch": 9, "no_wait": true}', reply=target)


async def at_rest(admin: User) -> dict[str, int]:
    """This will count what each stream holds, once what was published is kept."""
    before: dict[str, int] = {}
    while (after := await counts(admin)) != before:
        before = after
        await asyncio.sleep(0.1)
    return after


@pytest.mark.parametrize("name", EVERYBODY)
async def test_nobody_speaks_for_another_through_a_reply(declared: Ground, name: str):
    async with user(declared, name) as forger, user(declared, "admin") as admin:
        before = await at_rest(admin)

        for target in HARM:
            await reply_to(forger, target)
        await forger.settled()
        after = await at_rest(admin)

    assert set(after) == set(before)
    assert {each for each in after if after[each] > before[each]} <= kept_for(name)
    assert not {each for each in after if after[each] < before[each]}


@pytest.mark.parametrize("name", [each for each in EVERYBODY if each != "referrals"])
async def test_nobody_acknowledges_for_another_through_a_reply(declared: Ground, name: str):
    async with user(declared, "referrals") as listener, user(declared, name) as forger:
        await listener.tell("referrals.own.v1.0", b"")
        (waiting,) = await listener.pull("REFERRALS", "referrals-on-referrals-0of1")
        before = await unacknowledged(listener)

        await reply_to(forger, waiting.reply)
        await forger.settled()
        await asyncio.sleep(0.05)

        assert await unacknowledged(listener) == before > 0


HEADERS = (
    {"Nats-Rollup": "all"},
    {"Nats-Rollup": "sub"},
    {"Nats-TTL": "1s"},
    {"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": "ingest.general-hospital.referral.v1"},
    {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
    {"Nats-Incr": "+1"},
)


@pytest.mark.parametrize("headers", HEADERS, ids=lambda each: next(iter(each)))
async def test_headers_that_command_the_stream_are_refused_to_organisations(declared: Ground, headers: dict[str, str]):
    async with user(declared, "general-hospital") as poster, user(declared, "admin") as admin:
        await poster.tell("ingest.general-hospital.referral.v1")
        before = await counts(admin)

        told = await poster.tell("ingest.general-hospital.referral.v1", b"{}", headers)

        assert "error" in told
        assert await counts(admin) == before


async def test_an_organisation_connects_four_times_at_most(declared: Ground):
    async with AsyncExitStack() as connected:
        for _ in range(4):
            await connected.enter_async_context(user(declared, "river-clinic"))

        with pytest.raises(nats.errors.Error, match="maximum account active connections exceeded"):
            await connected.enter_async_context(user(declared, "river-clinic"))


async def test_an_organisation_posts_64_kib_at_most(declared: Ground):
    async with user(declared, "river-clinic") as poster, user(declared, "admin") as admin:
        before = await counts(admin)

        await poster.client.publish("ingest.river-clinic.referral.v1", b"x" * (64 * 1024 + 1))
        with suppress(nats.errors.Error):
            await poster.settled()

        assert "maximum payload violation" in str(poster.client.last_error).lower()
        assert await counts(admin) == before


async def test_nobody_connects_without_a_key(declared: Ground):
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await nats.connect(declared.url, allow_reconnect=False, connect_timeout=2)
