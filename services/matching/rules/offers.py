"""What an offer and a match are, and what an answer to an offer does."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.matching.rules.supporter import one_to_one
from shared.events.matching import OfferDeclined, OfferExpired, OfferMade
from shared.ids import beside

OfferState = Literal["open", "accepted", "declined", "expired", "withdrawn"]


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A supporter asked about a person; `counts` is what it takes of their capacity, in tenths of a person.

    `match` is what came of it, where it was accepted and that is known.
    """

    offer_id: UUID
    referral_id: UUID
    person_id: UUID
    supporter_id: UUID
    state: OfferState
    counts: int
    made_at: datetime
    answer_by: datetime
    match: UUID | None = None

    def made(self) -> OfferMade:
        """This will say that the offer was made."""
        ids = {"offer_id": self.offer_id, "referral_id": self.referral_id, "person_id": self.person_id}
        offering = one_to_one(self.supporter_id)
        return OfferMade(**ids, offering_id=offering, supporter_id=self.supporter_id, answer_by=self.answer_by)

    def declined(self, code: str) -> OfferDeclined:
        """This will say that the supporter said no, and why."""
        return OfferDeclined.model_validate({**self.made().model_dump(), "code": code})

    def expired(self) -> OfferExpired:
        """This will say that the supporter did not answer in time."""
        return OfferExpired.model_validate(self.made().model_dump())


def offer_id(referral_id: UUID, asked_before: int) -> UUID:
    """This will identify a referral's next offer, by how many were made before it."""
    return beside(referral_id, f"offer {asked_before}")


def match_id(offer: UUID) -> UUID:
    """This will identify the match that comes of an offer."""
    return beside(offer, "match")


def load_of(some: Iterable[Offer]) -> Counter[UUID]:
    """This will sum up what offers count, by supporter."""
    load: Counter[UUID] = Counter()
    for each in some:
        load[each.supporter_id] += each.counts
    return load
