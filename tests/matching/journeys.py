"""What supporters and the programme do, for the tests that follow a person through matching."""

from typing import Any
from uuid import UUID, uuid4

from shared.events.matching import MatchMade, OfferMade
from shared.events.scheduling import SeriesEnded
from tests.matching.desk import Desk
from tests.matching.makers import told


async def register(desk: Desk, **changes: Any) -> UUID:
    supporter_id = changes.pop("supporter_id", None) or uuid4()
    async with desk.client() as client:
        answered = await client.put(f"/supporters/{supporter_id}", json=told(**changes))
    assert answered.status_code in (200, 201), answered.text
    await desk.settle()
    return UUID(str(supporter_id))


async def offering(desk: Desk, **changes: Any) -> None:
    plain = {"kind": "warm_line", "site_id": "north", "internal_name": "Evening line", "public_label": "Evening phone"}
    async with desk.client() as client:
        answered = await client.put(f"/offerings/{uuid4()}", json={**plain, **changes})
    assert answered.status_code == 201, answered.text


async def answer(desk: Desk, offer: OfferMade, **body: Any) -> Any:
    before = len(desk.said)
    async with desk.client() as client:
        answered = await client.post(f"/offers/{offer.offer_id}/answer", json=body)
    await desk.settle()
    return answered, desk.said[before:]


def ended(match: MatchMade) -> SeriesEnded:
    return SeriesEnded(
        series_id=uuid4(),
        match_id=match.match_id,
        referral_id=match.referral_id,
        person_id=match.person_id,
        supporter_id=match.supporter_id,
        kept=12,
        missed=0,
        cancelled=0,
    )
