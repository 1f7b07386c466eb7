"""How long somebody has waited, and who is helped first when there is too little room."""

from services.matching.rules.policy import Policy
from shared.events.fact import Urgency


def points(urgency: Urgency, *, waited: int, lost: int, rematch: bool, policy: Policy) -> dict[str, int]:
    """This will give the parts of the waiting priority; `waited` is in business days, `lost` counts lost offers."""
    return {
        "urgency": policy.urgency_points[urgency],
        "waited": policy.points_a_business_day * waited,
        "lost_offers": policy.points_a_lost_offer * lost,
        "rematch": policy.points_of_a_rematch if rematch else 0,
    }


def priority(urgency: Urgency, *, waited: int, lost: int, rematch: bool, policy: Policy) -> int:
    """This will give the waiting priority, a sum of points that only grows."""
    return sum(points(urgency, waited=waited, lost=lost, rematch=rematch, policy=policy).values())
