"""How somebody is reached: as was told last, but what the programme learnt from them no referrer replaces."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.notifications.store import people
from shared.database import Database
from shared.events.referrals import ContactShared
from tests.notifications.made import NOON, PHONE, contact
from tests.notifications.running import Running, running

NEW, OTHER = ("sms", "+12125550188"), ("sms", "+12125550199")
LEARNT = {"learnt_at": NOON}


@pytest.fixture
async def service(database: Database, tmp_path: Path) -> AsyncIterator[Running]:
    async with running(database, tmp_path) as started:
        yield started


async def reached(service: Running, person_id: UUID) -> list[tuple[str, str]]:
    """How somebody is written to."""
    async with service.service.database.reading() as db:
        (person,) = (await people.known(db, [person_id])).values()
    return [(each.channel, each.address) for each in person.reaches]


async def hear(service: Running, *told: ContactShared, together: bool) -> None:
    """Let the service hear, at once or one after another."""
    for each in [told] if together else [[one] for one in told]:
        await service.hear(*each)


@pytest.mark.parametrize("together", [True, False])
async def test_what_a_referrer_told_last_counts(service: Running, together: bool) -> None:
    ana = uuid4()

    await hear(service, contact(ana), contact(ana, OTHER), together=together)

    assert await reached(service, ana) == [OTHER]
    assert await service.tasks() == []


@pytest.mark.parametrize("together", [True, False])
async def test_what_the_programme_learnt_no_referrer_replaces_and_somebody_looks(
    service: Running, together: bool
) -> None:
    ana = uuid4()

    await hear(service, contact(ana), contact(ana, NEW, **LEARNT), contact(ana, OTHER), together=together)

    assert await reached(service, ana) == [NEW]
    (task,) = await service.tasks()
    assert (task.kind, task.about) == ("contact_differs", str(ana))
    assert OTHER[1] in (task.note or "") and PHONE not in (task.note or "")


@pytest.mark.parametrize("together", [True, False])
async def test_nobody_looks_where_a_referrer_says_the_same(service: Running, together: bool) -> None:
    ana = uuid4()

    await hear(service, contact(ana, NEW, **LEARNT), contact(ana, NEW), together=together)

    assert await reached(service, ana) == [NEW]
    assert await service.tasks() == []


@pytest.mark.parametrize("together", [True, False])
async def test_what_the_programme_learns_later_counts_instead(service: Running, together: bool) -> None:
    ana, later = uuid4(), {"learnt_at": NOON + timedelta(days=1)}

    await hear(service, contact(ana, NEW, **LEARNT), contact(ana, OTHER, **later), together=together)

    assert await reached(service, ana) == [OTHER]


async def test_a_later_referral_still_tells_the_zone_and_the_language(service: Running) -> None:
    ana = uuid4()
    await service.hear(contact(ana, NEW, **LEARNT))

    await service.hear(contact(ana, OTHER, language="es", zone="America/Chicago"))

    async with service.service.database.reading() as db:
        (person,) = (await people.known(db, [ana])).values()
    assert (person.language, person.zone.key) == ("es", "America/Chicago")
    assert await reached(service, ana) == [NEW]
