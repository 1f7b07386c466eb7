"""Offers what is open at once to people who wait, so that nobody waits with nothing."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.matching.rules.offering import BRIDGES
from services.matching.rules.people import Seeker
from services.matching.store import offerings
from services.matching.store.offerings import Listed
from services.matching.store.referrals import Waiting
from shared.calendar import add_business_days
from shared.events.matching import BridgeOffered
from shared.mailbox import Said
from shared.programme import Programme
from shared.work import Asked, close_tasks, open_each

MISSING = "bridge_missing"


async def bridge(db: AsyncConnection, people: Sequence[Waiting], programme: Programme, *, at: datetime) -> list[Said]:
    """This will offer each what is open to them at their site; for whom there is nothing, a person has a task."""
    if not people:
        return []
    seekers = [each.seeker for each in people]
    listed = await offerings.offerings_at(db, {each.site_id for each in seekers})
    told = {each.referral_id: _open_to(each, listed.get(each.site_id, [])) for each in seekers}
    await offerings.bridge(db, {key: [one.offering_id for one in some] for key, some in told.items()}, at=at)
    await open_each(db, [_missing(each, programme, at=at) for each in seekers if not told[each.referral_id]])
    await close_tasks(db, kind=MISSING, abouts=[str(key) for key, some in told.items() if some], by="matching")
    return [_offered(each, one) for each in seekers for one in told[each.referral_id]]


def _offered(seeker: Seeker, listed: Listed) -> BridgeOffered:
    return BridgeOffered(
        referral_id=seeker.referral_id,
        person_id=seeker.person_id,
        kind=listed.offering.kind,
        public_label=listed.offering.public_label,
    )


def _missing(seeker: Seeker, programme: Programme, *, at: datetime) -> Asked:
    due = add_business_days(programme.site(seeker.site_id), at, 1)
    return Asked(kind=MISSING, about=str(seeker.referral_id), owner="matching", due=due)


def _open_to(seeker: Seeker, listed: Sequence[Listed]) -> list[Listed]:
    """This will choose at most one offering of each kind that is open to a person."""
    spoken = seeker.preferences.languages
    fitting = [each for each in listed if each.offering.is_open_to(age_band=seeker.age_band, languages=spoken)]
    first = {kind: next((each for each in fitting if each.offering.kind == kind), None) for kind in BRIDGES}
    return [each for each in first.values() if each]
