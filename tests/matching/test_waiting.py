"""Nobody waits while a supporter with room fits them, and those who wait are not read again for nothing."""

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from services.matching.handlers.match import seekers_of
from services.matching.rules.assignment import assign
from services.matching.rules.policy import Policy
from services.matching.store import referrals, supporters
from shared import clock
from shared.clock import now
from shared.events.matching import MatchMade, OfferMade
from shared.events.referrals import ReferralHeld
from tests.counting import statements
from tests.matching.crowds import accepts, answers, consent, declines, referral, revoked, supporter
from tests.matching.desk import Desk, of
from tests.matching.journeys import ended
from tests.matching.makers import NOON, PROGRAMME

LANGUAGES = ("en", "es", "vi")


async def somebody_comes(desk: Desk, chance: Random, number: int) -> None:
    await desk.tell(referral(number, preferences={"languages": [chance.choice(LANGUAGES)]}))


async def a_supporter_changes(desk: Desk, chance: Random, _: int) -> None:
    spoken = chance.sample(LANGUAGES, chance.randint(1, 2))
    capacity, paused = chance.randint(0, 3), chance.random() < 0.1
    await desk.tell(supporter(chance.randint(1, 4), languages=spoken, capacity=capacity, paused=paused))


async def an_offer_is_answered(desk: Desk, chance: Random, _: int) -> None:
    if offers := of(OfferMade, desk.said):
        await answers(desk, [chance.choice([accepts, declines])(chance.choice(offers))])
        await desk.settle()


async def a_series_ends(desk: Desk, chance: Random, _: int) -> None:
    if matches := of(MatchMade, desk.said):
        await desk.tell(ended(chance.choice(matches)))


async def somebody_is_held(desk: Desk, chance: Random, number: int) -> None:
    ids = {"referral_id": UUID(int=10_000 + chance.randint(0, number)), "person_id": UUID(int=20_000)}
    await desk.tell(ReferralHeld(**ids, site_id="north", state="crisis_review"))


async def somebody_takes_consent_back(desk: Desk, chance: Random, number: int) -> None:
    given = consent(chance.randint(0, number))
    await desk.tell(given, revoked(given))


async def time_goes_by(desk: Desk, chance: Random, _: int) -> None:
    await desk.ring(now() + timedelta(hours=chance.choice([1, 30, 24 * 14])))


ACTS = [a_supporter_changes, an_offer_is_answered, a_series_ends, somebody_is_held, somebody_takes_consent_back]
OFTEN = [somebody_comes, somebody_comes, somebody_comes, an_offer_is_answered, time_goes_by]


async def who_could_be_served(desk: Desk) -> list[UUID]:
    """Those who wait though a supporter with room fits them."""
    async with desk.database.reading() as db:
        people = await referrals.who_needs_an_offer(db)
        staff = await supporters.possible_supporters(db)
        known = {"programme": PROGRAMME, "policy": Policy(), "at": now()}
        seekers = await seekers_of(db, people, staff, {}, **known)
    decided = assign(seekers, [each.candidate() for each in staff], now=now(), policy=Policy())
    return [each.referral_id for each in decided.decisions if each.supporter_id]


@pytest.mark.parametrize("seed", range(12))
async def test_nobody_waits_while_a_supporter_with_room_fits_them(sqlite_desk: Desk, seed: int) -> None:
    chance = Random(seed)

    for number in range(40):
        await chance.choice([*ACTS, *OFTEN])(sqlite_desk, chance, number)

        assert await who_could_be_served(sqlite_desk) == []


async def reads_all_who_wait(desk: Desk, number: int) -> bool:
    """Whether those who know already that they wait are thought of again when somebody comes."""
    with statements(desk.database) as run:
        await desk.hear(referral(number))
    read = [each for each in run if each.startswith("SELECT referrals.referral_id, referrals.person_id")]
    return not any("waitlisted_at IS NULL" in each for each in read)


async def test_those_who_wait_are_thought_of_again_when_a_supporter_changed_and_after_an_hour(desk: Desk) -> None:
    await desk.tell(supporter(1, capacity=9), referral(1, preferences={"languages": ["vi"]}))

    at_once = await reads_all_who_wait(desk, 2)
    clock.step_to(NOON + timedelta(hours=1))
    an_hour_later = [await reads_all_who_wait(desk, 3), await reads_all_who_wait(desk, 4)]
    await desk.hear(supporter(1, capacity=8))
    after_a_change = [await reads_all_who_wait(desk, 5), await reads_all_who_wait(desk, 6)]

    assert (at_once, an_hour_later, after_a_change) == (False, [True, False], [True, False])
