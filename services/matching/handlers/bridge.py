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
from shared.work import close_task, open_task

MISSING = "bridge_missing"


async def bridge(db: AsyncConnection, people: Sequence[Waiting], programme: Programme, *, at: datetime) -> list[Said]:
    """This will offer each what is open to them at their site; for whom there is nothing, a person has a task."""
    listed = await offerings.offerings_at(db, {each.seeker.site_id for each in people}) if people else {}
    told = {each.seeker.referral_id: _open_to(each.seeker, listed.get(each.seeker.site_id, [])) for each in people}
    await offerings.bridge(db, {key: [one.offering_id for one in some] for key, some in told.items()}, at=at)
    said: list[Said] = []
    for each in people:
        found = told[each.seeker.referral_id]
        said += [_offered(each.seeker, one) for one in found]
        await _ask_a_person(db, each.seeker, programme, missing=not found, at=at)
    return said


def _offered(seeker: Seeker, listed: Listed) -> BridgeOffered:
    return BridgeOffered(
        referral_id=seeker.referral_id,
        person_id=seeker.person_id,
        kind=listed.offering.kind,
        public_label=listed.offering.public_label,
    )


async def _ask_a_person(
    db: AsyncConnection, seeker: Seeker, programme: Programme, *, missing: bool, at: datetime
) -> None:
    about = str(seeker.referral_id)
    if missing:
        due = add_business_days(programme.site(seeker.site_id), at, 1)
        await open_task(db, kind=MISSING, about=about, owner="matching", due=due)
    else:
        await close_task(db, kind=MISSING, about=about, by="matching")


def _open_to(seeker: Seeker, listed: Sequence[Listed]) -> list[Listed]:
    """This will choose at most one offering of each kind that is open to a person."""
    spoken = seeker.preferences.languages
    fitting = [each for each in listed if each.offering.is_open_to(age_band=seeker.age_band, languages=spoken)]
    first = {kind: next((each for each in fitting if each.offering.kind == kind), None) for kind in BRIDGES}
    return [each for each in first.values() if each]
