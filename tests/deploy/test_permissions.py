"""Who may do what on the broker: everything anybody might try, by every user, against a list written by hand."""

import asyncio

import pytest

from tests.deploy.ground import Ground, counts, user
from tests.deploy.universe import HEARABLE, MAY_HEAR, MAY_PUBLISH, ORGANISATIONS, PUBLISHABLE, SERVICES

EVERYBODY = (*SERVICES, *ORGANISATIONS)


@pytest.mark.parametrize("name", [*EVERYBODY, "admin"])
async def test_publishes_what_is_its_own_and_nothing_else(bare: Ground, name: str):
    async with user(bare, name) as tries:
        allowed = await tries.allowed_to_publish(PUBLISHABLE)

    assert allowed == MAY_PUBLISH[name]


@pytest.mark.parametrize("name", [*EVERYBODY, "admin"])
async def test_hears_what_is_its_own_and_nothing_else(bare: Ground, name: str):
    async with user(bare, name) as tries:
        allowed = await tries.allowed_to_hear(HEARABLE)

    assert allowed == MAY_HEAR[name]


@pytest.mark.parametrize("name", ORGANISATIONS)
async def test_an_organisation_shares_no_replies_in_a_queue_group(bare: Ground, name: str):
    async with user(bare, name) as tries:
        allowed = await tries.allowed_to_hear(HEARABLE, queue="workers")

    assert allowed == set()


TARGETS = (
    *(f"{each}.forged.v1.0" for each in SERVICES),
    *(f"sealed.{each}.forged.v1.0" for each in SERVICES),
    *(f"ingest.{each}.referral.v1" for each in ORGANISATIONS),
    *(f"status.{each}.referral.v1" for each in ORGANISATIONS),
    "clock.now.v1",
    "$JS.API.STREAM.PURGE.REFERRALS",
    "$JS.API.STREAM.DELETE.REFERRALS",
)
"""Where a reply would do harm: it would be kept as a fact, or taken for an administrator's request."""


def kept_for(name: str) -> set[str]:
    """The streams in which a user's own messages are kept."""
    own = {name.upper()} if name in SERVICES else {f"IN_{name}"}
    sealed = {"SEALED"} if name == "referrals" else set()
    answers = {f"STATUS_{each}" for each in ORGANISATIONS} if name in ("referrals", "matching") else set()
    return own | sealed | answers


@pytest.mark.parametrize("name", EVERYBODY)
async def test_nobody_speaks_for_another_through_a_reply(declared: Ground, name: str):
    async with user(declared, name) as forger, user(declared, "admin") as admin:
        before = await counts(admin)
        own = f"{name}.own.v1.0" if name in SERVICES else f"ingest.{name}.referral.v1"
        reader = ("STATUS_" + name, "reader") if name in ORGANISATIONS else (name.upper(), f"{name}-on-{name}-0of1")
        for target in TARGETS:
            # The acknowledgement of what it publishes, then a letter it reads, are to be replied to another's subject.
            await forger.client.publish(own, b"{}", reply=target)
            await forger.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{'.'.join(reader)}", b"1", reply=target)
        await forger.settled()
        await asyncio.sleep(0.1)
        after = await counts(admin)

    assert set(after) == set(before)
    grown = {each for each in after if after[each] > before[each]}
    assert grown <= kept_for(name)
    assert not {each for each in after if after[each] < before[each]}
