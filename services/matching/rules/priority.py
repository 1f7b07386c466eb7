"""How long somebody has waited, and who is helped first when there is too little room."""

from services.matching.rules.policy import Policy
from shared.events.fact import Urgency


def points(urgency: Urgency, *, waited: int, lost: int, policy: Policy) -> dict[str, int]:
    """This will give the parts of the waiting priority; `waited` is in business days, `lost` counts lost offers."""
    return {
        "urgency": policy.urgency_points[urgency],
        "waited": policy.points_a_business_day * waited,
        "lost_offers": policy.points_a_lost_offer * lost,
    }


def priority(urgency: Urgency, *, waited: int, lost: int, policy: Policy) -> int:
    """This will give the waiting priority, a sum of points that only grows while the urgency is the same."""
    return sum(points(urgency, waited=waited, lost=lost, policy=policy).values())
