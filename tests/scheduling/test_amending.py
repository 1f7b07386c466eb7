"""A label under 42 CFR Part 2 that comes late holds for what insurers ask from then on, on both databases."""

from typing import Any

from sqlalchemy import select

from services.scheduling.store.tables import labels
from shared import clock
from shared.events.referrals import ReferralAmended
from tests.scheduling.makers import Desk, an_id, consent, coverage, match, referral, supporter
from tests.scheduling.test_insurer import RANGE, on_bus


def amended(**changes: Any) -> ReferralAmended:
    """What its referrer told later of Ana's referral: that it is under Part 2, unless told otherwise."""
    told = {"referral_id": an_id("referral"), "person_id": an_id("ana"), "urgency": "routine", "part2": True}
    return ReferralAmended.model_validate(told | changes)


async def kept(desk: Desk) -> dict[Any, bool]:
    """The label of each referral."""
    async with desk.service.database.reading() as db:
        return {row.referral_id: row.part2 for row in await db.execute(select(labels))}


async def told(desk: Desk) -> tuple[int, int]:
    """How many sessions the insurer is told of, by HTTP and on the bus."""
    return len((await desk.covered())["sessions"]), len((await on_bus(desk, RANGE))["sessions"])


async def test_what_was_booked_and_held_before_a_label_is_told_by_the_label(desk: Desk) -> None:
    wide = consent(consent_id=an_id("wider"))
    agreed = [supporter(), referral(part2=False), coverage(), consent(part2=False)]
    (booked, *_) = [each for each in await desk.hear(*agreed, match()) if hasattr(each, "sessions")]
    first, second, *_ = booked.sessions
    clock.step_to(first.ends_at)
    await desk.record(first)
    before = await told(desk)

    said = await desk.hear(amended(), amended())
    clock.step_to(second.ends_at)
    await desk.record(second)
    after = await told(desk)
    await desk.hear(wide)

    assert (before, after, await told(desk)) == ((1, 1), (0, 0), (2, 2))
    assert said == []


async def test_no_message_takes_a_label_off(desk: Desk) -> None:
    others = {"person_id": an_id("bo"), "referral_id": an_id("bo's referral")}
    await desk.hear(referral(part2=False), referral(part2=False, **others), amended())

    for each in (amended(part2=False), referral(part2=False), amended(part2=False, **others)):
        await desk.hear(each)

    assert await kept(desk) == {an_id("referral"): True, an_id("bo's referral"): False}


async def test_a_label_of_a_referral_nobody_heard_of_makes_nobody_known(desk: Desk) -> None:
    await desk.hear(amended())

    assert await kept(desk) == {}
