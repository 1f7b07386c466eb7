"""What is told to somebody who asked for a peer supporter themselves: where things stand, in one neutral word."""

from collections.abc import Sequence
from typing import Literal

from services.referrals.rules.journey import TAKEN_BACK, OrderStatus, State
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.triage import in_danger

Standing = Literal[
    "asked", "call", "looking", "found", "planned", "meeting", "ended", "linked", "closed", "taken_back", "stopping",
    "still_call",
]  # fmt: skip

STANDINGS: dict[State, Standing] = {
    "crisis_review": "call",
    "needs_screen": "asked",
    "needs_info": "asked",
    "refused": "closed",
    "accepted": "looking",
    "waitlisted": "looking",
    "offered": "looking",
    "matched": "found",
    "first_scheduled": "planned",
    "engaged": "meeting",
    "lapsed": "asked",
    "completed": "ended",
    "closed": "closed",
}
WITH_SOMEBODY: tuple[State, ...] = ("matched", "first_scheduled", "engaged")
"""Where a person talks with whoever takes it back, for a supporter knows of them, and meetings may be set."""

STEPS: tuple[Standing, ...] = ("asked", "looking", "found", "planned")
"""The steps that a page shows, in their order."""


def standing(state: State, status: OrderStatus, *, in_crisis: bool, reasons: Sequence[str] = ()) -> Standing:
    """This will say where things stand; whoever may be in danger is told first that a person will be in touch."""
    if in_crisis:
        return "still_call" if status in TAKEN_BACK else "call"
    if status in TAKEN_BACK:
        return "stopping" if state in WITH_SOMEBODY else "taken_back"
    if state == "closed" and "linked" in reasons:
        return "linked"
    return STANDINGS[state]


def place(stands: Standing) -> int | None:
    """This will give how many of the steps are behind somebody; None where they are of no use to them now."""
    if stands == "call":
        return 0
    return STEPS.index(stands) if stands in STEPS else None


def at_once(order: ReferralOrder) -> bool:
    """This will say whether it may not wait until the rest is in order: danger, and a way to reach them."""
    return in_danger(order) and bool(order.person.reaches)
