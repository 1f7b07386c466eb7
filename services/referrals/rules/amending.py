"""Which of what a referrer tells later of a referral other services hear, for they go by what its acceptance told."""

from services.referrals.rules.journey import HELD, OVER, State
from services.referrals.rules.order import ReferralOrder


def is_news(before: ReferralOrder, after: ReferralOrder, state: State, *, booked: bool) -> bool:
    """This will say whether other services must hear how a referral is now: a label came, or its urgency may differ.

    Of one that is held its acceptance will tell. When it is over nobody goes by its urgency any more; by its label they
    do where visits were `booked`, for insurers still ask about those.
    """
    labelled = after.part2 and not before.part2
    # Who is urgent by the referrer's word is so on any day.
    moved = after.discharged_on != before.discharged_on and after.urgency != "urgent"
    if state in HELD:
        return False
    if state in OVER:
        return labelled and (booked or state == "completed")
    return labelled or moved
