"""Who changes the same referral at the same time takes turns."""

import asyncio
from typing import Any
from uuid import UUID

from services.referrals import handlers
from shared.events.fact import Fact
from shared.events.referrals import ReferralAccepted
from tests.referrals.makers import Desk, request
from tests.referrals.test_following import facts, told_of

LONG_ENOUGH_TO_READ = 0.3


async def meanwhile(desk: Desk, first: Any, second: Any) -> None:
    """Let `second` begin in a transaction of its own when `first` has done everything but commit."""
    begun, done = asyncio.Event(), asyncio.Event()

    async def slowly(value: Any, db: Any) -> Any:
        said = await first(value, db)
        begun.set()
        await done.wait()
        return said

    slow = asyncio.create_task(desk.service.mailbox.run(slowly, None))
    await begun.wait()
    quick = asyncio.create_task(desk.service.mailbox.run(second, None))
    await asyncio.wait({quick}, timeout=LONG_ENOUGH_TO_READ)
    done.set()
    await asyncio.gather(slow, quick)


def hearing(desk: Desk, fact: Fact) -> Any:
    """Hear one fact."""

    async def hear(_: Any, db: Any) -> Any:
        return await handlers.advance([fact], db, programme=desk.service.programme)

    return hear


def revoking(desk: Desk, referral_id: str) -> Any:
    """Take a person's consents back."""

    async def revoke(_: Any, db: Any) -> Any:
        return await handlers.revoke((UUID(referral_id), "Kim"), db, programme=desk.service.programme)

    return revoke


async def test_two_services_that_are_heard_at_once_move_a_referral_forward_only(desk: Desk) -> None:
    await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])

    await meanwhile(desk, hearing(desk, said["series"]), hearing(desk, said["match"]))

    assert (await told_of(desk))[-1] == ("in-progress", "first_scheduled")
    assert (await desk.figures())["referrals_in_first_scheduled"] == 1


async def test_nothing_is_told_after_a_consent_that_is_taken_back_while_it_is_heard(desk: Desk) -> None:
    referral_id = await desk.referred(request())
    said = facts((await desk.said(ReferralAccepted))[0])
    await desk.hear(said["match"])

    await meanwhile(desk, revoking(desk, referral_id), hearing(desk, said["bridge"]))

    assert (await told_of(desk))[-1] == ("accepted", "accepted")
