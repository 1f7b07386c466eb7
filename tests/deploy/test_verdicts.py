"""What is shown of a message follows what its Task says, wherever the referral is by then."""

import pytest

from deploy.sandbox.verdicts import Verdict, of_task
from services.referrals.rules.seeing import CLOSED_AS, OrderStatus, seen


def verdict(state: str, reason: str = "", *, order: OrderStatus = "active", known: bool = False) -> Verdict:
    """What is shown of a referral in a state, whose person agreed to everything."""
    told = seen(state, order=order, reasons=(reason,) if reason else (), consented=True, part2=False)  # type: ignore[arg-type]
    return of_task({"status": told.status, "businessStatus": {"coding": [{"code": told.business}]}}, known=known)


@pytest.mark.parametrize("reason", CLOSED_AS)
def test_what_people_ended_is_known_and_neither_declined_nor_taken_back(reason: str) -> None:
    assert verdict("closed", reason, known=True) == "known"


def test_what_is_refused_taken_back_or_held_is_shown_so_though_it_is_known() -> None:
    assert verdict("refused", "not_peer_support", known=True) == "declined"
    assert verdict("accepted", order="withdrawn", known=True) == "withdrawn"
    assert verdict("refused", "entered_in_error", order="entered_in_error") == "withdrawn"
    assert verdict("needs_screen", known=True) == "task"
    assert verdict("crisis_review", known=True) == "danger"
    assert verdict("accepted") == "accepted"
