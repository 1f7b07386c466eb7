"""Of the referrals of one human being one is served; the others wait until a person has looked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import get_args
from uuid import UUID

from shared.events.fact import Urgency

SERVED = {"matched": 0, "offered": 1, "waiting": 2}
"""Who goes before whom, by state; a referral in another state is not served."""
URGENT_FIRST: tuple[Urgency, ...] = get_args(Urgency)[::-1]
NOBODY_FITS = ("no_fit", "below_floor", "offers_exhausted")
"""Why a referral waits that keeps no other from being served: there is nobody to ask for it."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A referral among others of one human being; `aside` where it is known that nobody fits."""

    referral_id: UUID
    state: str
    aside: bool
    urgency: Urgency
    arrived_at: datetime

    def place(self) -> tuple[int, bool, int, datetime, UUID]:
        """This will say how early its turn is."""
        urgency = URGENT_FIRST.index(self.urgency)
        return (SERVED[self.state], self.aside, urgency, self.arrived_at, self.referral_id)


def waits_for(mine: Iterable[Turn]) -> dict[UUID, UUID]:
    """This will give which of one human being's referrals wait, each with the one that is served.

    Who has a supporter goes first, then who is being asked for, then whoever somebody may fit: the most urgent, then
    who came first.
    """
    turns = sorted((each for each in mine if each.state in SERVED), key=Turn.place)
    return {each.referral_id: turns[0].referral_id for each in turns[1:]}
