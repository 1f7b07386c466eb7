"""What becomes of a referral that was taken back and is asked for again: a person asks whether it is wanted."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.referrals import store
from services.referrals.handlers.arrivals import Arrival
from services.referrals.rules.order import NOTES
from services.referrals.rules.triage import Verdict
from shared.programme import Site

WHICH = (
    "Something was taken back whose number none of theirs has, and nothing was ended. This referral has a number like "
    "it, or is of the same person: ask who referred whether they mean it."
)

OF_ANOTHER = (
    "This was to be taken back, but of somebody of another birth date and given name; nothing was ended. Ask who "
    "referred which they mean."
)


def as_asked(known: store.Referral, arrival: Arrival, person_id: UUID, site: Site, at: datetime) -> store.Referral:
    """This will give what is asked for again: of one we never had what is said of it now, else what was known of it.

    What is said besides is read for words of danger.
    """
    if known.never_had:
        said = arrival.order.model_copy(update={"part2": known.part2 or arrival.order.part2})
        return replace(
            known, order=said, content=arrival.content, person_id=person_id, site_id=site.site_id, arrived_at=at
        )
    before, now = known.order, arrival.order
    notes = [*(each for each in now.notes if each not in before.notes), *before.notes][:NOTES]
    left = now.discharged_on or before.discharged_on
    update: dict[str, Any] = {"status": now.status, "notes": notes, "discharged_on": left}
    if now.risk == "flagged":
        update["risk"] = now.risk
    return replace(known, order=before.model_copy(update=update))


def held_as(asked: store.Referral, verdict: Verdict, at: datetime) -> store.Referral:
    """This will give what is asked for again as its verdict leaves it."""
    return replace(
        asked,
        first_outcome=verdict.outcome if asked.never_had else asked.first_outcome,
        state=verdict.outcome,
        reasons=verdict.reasons,
        crisis_at=at if verdict.outcome == "crisis_review" else None,
        paged_at=None,
        acknowledged_at=None,
    )
