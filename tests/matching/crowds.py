"""Many people, supporters and answers at once, whose ids are the same in every store."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from services.matching.handlers.answer import Answered, answer
from services.matching.rules.policy import Policy
from shared.events.matching import OfferMade
from shared.events.referrals import ConsentGiven, ConsentRevoked, ReferralAccepted
from shared.mailbox import Ingested
from tests.matching.desk import Desk
from tests.matching.makers import NOON, PROGRAMME, accepted, told
from tests.matching.posting import posted


def supporter(number: int, organisation: str = "programme", **changes: Any) -> Ingested:
    """A supporter posted on the bus."""
    return posted(told(supporter_id=str(UUID(int=number)), **changes), organisation)


def referral(number: int, **changes: Any) -> ReferralAccepted:
    """A person who may be matched."""
    ids = {"referral_id": UUID(int=10_000 + number), "person_id": UUID(int=20_000 + number)}
    return accepted(**{**ids, "arrived_at": NOON - timedelta(minutes=number), **changes})


def consent(number: int, recipients: Sequence[str] = ("supporter",)) -> ConsentGiven:
    """What a person agreed to."""
    return ConsentGiven(
        consent_id=UUID(int=30_000 + number),
        person_id=UUID(int=20_000 + number % 1000),
        discloser="hospital",
        recipients=list(recipients),
        purposes=["treatment"],
        part2=True,
        signed_at=NOON - timedelta(days=1),
    )


async def answers(desk: Desk, given: Sequence[Answered]) -> list[Any]:
    """What supporters are told who answer at the same time."""
    ask = desk.mailbox.together(partial(answer, programme=PROGRAMME, policy=Policy()))
    return await asyncio.gather(*(ask(each) for each in given))


def accepts(offer: OfferMade) -> Answered:
    return Answered(offer_id=offer.offer_id, organisation="programme", answer="accept", by="Jordan")


def declines(offer: OfferMade) -> Answered:
    return Answered(offer_id=offer.offer_id, organisation="programme", answer="decline", code="time")


def revoked(given: ConsentGiven) -> ConsentRevoked:
    return ConsentRevoked(consent_id=given.consent_id, person_id=given.person_id, revoked_at=NOON)
