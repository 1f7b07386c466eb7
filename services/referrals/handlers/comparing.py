"""Compares people with those known from elsewhere, and asks somebody where two may be one human being.

It happens a while after a referral was answered: nobody who refers learns from an answer, or from how long it took,
whom the programme knows.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.referrals import store
from services.referrals.rules.identity import Two, pair, still_asked
from services.referrals.rules.likeness import Why, contradict, in_common, in_words
from shared.calendar import add_business_days
from shared.clock import now
from shared.database import lock
from shared.events.referrals import ComparisonFellDue
from shared.mailbox import Later
from shared.programme import Programme, Site
from shared.work import Asked, open_each

ONE_COMPARISON_AT_A_TIME = "people compared"
"""Two who arrive side by side would else not see each other."""
POSSIBLE_DUPLICATE = "possible_duplicate"
NUMBER_OF_TWO = "number_of_two"
TWO = (
    "A number of this person is also another's, of another birth date and given name; their referrals count as one "
    "person's, and so do consents. Ask who referred which number is right: they take this referral back as entered in "
    "error, and send it again under another number with the right one of the person."
)
APART = (
    "A number of this person is also another's, of another birth date and given name: they count as two people. Ask "
    "who referred which number is right. Where they are one after all, POST /people/{person_id}/identity says so."
)
COMPARED_AFTER = timedelta(minutes=1)


def to_compare(referral: store.Referral, besides: Iterable[UUID] = ()) -> list[Later]:
    """This will have the person of a referral compared with others, soon; not of one that is refused, or for tests."""
    if referral.state == "refused" or referral.test:
        return []
    fact = ComparisonFellDue(referral_id=referral.referral_id, person_id=referral.person_id, besides=list(besides))
    return [Later(fact, due=now() + COMPARED_AFTER)]


async def compare(rung: list[ComparisonFellDue], db: AsyncConnection, *, programme: Programme) -> None:
    """This will find who may be one human being with the people of some referrals, and have somebody look."""
    await lock(db, ONE_COMPARISON_AT_A_TIME)
    known_now = await store.by_ids(db, [each.referral_id for each in rung])
    fresh = {one: each for one, each in known_now.items() if _counts(each)}
    await _keep_traits(db, fresh.values())
    numbered = {pair(each.person_id, other) for each in rung if each.referral_id in fresh for other in each.besides}
    possible = numbered | await store.sharing(db, {each.person_id for each in fresh.values()})
    known = await store.likenesses_around(db, {each for two in possible for each in two})
    new = await _alike(db, possible - known.keys(), numbered)
    await store.notice(db, new)
    found = {two: each.verdict for two, each in known.items()} | {each.two: None for each in new}
    unanswered = still_asked(found)
    sites = {each.person_id: each.site_id for each in fresh.values()}
    asked = [to_look_at(each, _site(each.two, sites), programme=programme) for each in new if each.two in unanswered]
    mixed = await _mixed(db, fresh.values(), programme)
    await open_each(db, [*asked, *mixed])


async def _mixed(db: AsyncConnection, fresh: Iterable[store.Referral], programme: Programme) -> list[Asked]:
    """This will ask about referrals that a number of one person took for theirs, though all else says otherwise."""
    news = list(fresh)
    known = await store.of_people(db, {each.person_id for each in news}) if news else {}
    others = {each.referral_id: [one for one in known.get(each.person_id, ()) if _counts(one)] for each in news}
    wrong = [each for each in news if any(contradict(each.order, one.order) for one in others[each.referral_id])]
    return [to_separate(each, programme.site(each.site_id), TWO) for each in wrong]


def to_separate(referral: store.Referral, site: Site, note: str) -> Asked:
    """This will have somebody ask which number is right, of two people who have one."""
    due = add_business_days(site, now(), 1)
    return Asked(kind=NUMBER_OF_TWO, about=str(referral.referral_id), owner="intake", due=due, note=note)


def _counts(referral: store.Referral) -> bool:
    """This will say whether a referral tells of somebody: one that was sent in error may be about anybody."""
    return referral.state != "refused" and not referral.test


async def _keep_traits(db: AsyncConnection, fresh: Iterable[store.Referral]) -> None:
    prints: dict[UUID, set[str]] = {}
    for each in fresh:
        prints.setdefault(each.person_id, set()).update(store.trait_prints(each.order))
    await store.keep_traits(db, prints)


async def _alike(db: AsyncConnection, possible: set[Two], numbered: set[Two]) -> list[store.Likeness]:
    """This will choose, by all that was said of them, those of whom somebody has to say whether they are two."""
    told = await store.of_people(db, {each for two in possible for each in two}) if possible else {}
    orders = {one: [each.order for each in mine if _counts(each)] for one, mine in told.items()}
    whys: dict[Two, tuple[Why, ...]] = {
        (one, other): in_common(orders.get(one, ()), orders.get(other, ())) for one, other in sorted(possible)
    }
    whys |= {each: (*whys[each], "together") for each in numbered & possible}
    return [store.Likeness(two=two, why=why, noticed_at=now()) for two, why in whys.items() if why]


def _site(two: Two, sites: Mapping[UUID, str]) -> str | None:
    return next((sites[each] for each in two if each in sites), None)


def to_look_at(likeness: store.Likeness, site_id: str | None, *, programme: Programme) -> Asked:
    """This will ask somebody whether two people are one human being."""
    one, other = likeness.two
    due = add_business_days(programme.site(site_id), now(), 1)
    note = f"{in_words(likeness.why)} GET /people/{one}/identity lists their referrals: look, ask, and answer."
    return Asked(kind=POSSIBLE_DUPLICATE, about=f"{one} {other}", owner="intake", due=due, note=note)
