"""Adds up what happened, from the services' own figures and from what the world itself did."""

import asyncio
from collections.abc import Mapping

from pydantic import BaseModel

from deploy.world.edges import Edges
from deploy.world.insuring import Insuring
from deploy.world.referring import Referring


class Summary(BaseModel):
    """What `alongside demo --json` prints; `seconds` is wall time, everything else counts."""

    referrals_posted: int
    accepted: int
    crisis_review: int
    needs_screen: int
    needs_info: int
    refused: int
    duplicates: int
    posts_asked_again: int
    offers_made: int
    offers_declined: int
    offers_expired: int
    offers_open: int
    matches_made: int
    waitlisted: int
    waiting_now: int
    bridges_offered: int
    sessions_booked: int
    sessions_held: int
    sessions_missed: int
    sessions_cancelled: int
    sessions_unrecorded: int
    sessions_ahead: int
    reminders_planned: int
    reminders_sent: int
    reminders_skipped: int
    reminders_failed: int
    reminders_ahead: int
    messages_sent: int
    replies: int
    units_delivered: int
    units_covered: int
    insurers_asked: int
    insurers_see_units: int
    dead_letters: int
    seconds: float


FIGURES = {
    "accepted": "referrals_accepted",
    "crisis_review": "referrals_crisis_review",
    "needs_screen": "referrals_needs_screen",
    "needs_info": "referrals_needs_info",
    "refused": "referrals_refused",
    "duplicates": "referrals_duplicates",
    "waitlisted": "referrals_waitlisted_ever",
    "waiting_now": "matching_waiting",
    "reminders_ahead": "reminders_waiting",
    "replies": "replies_received",
}
"""What the services call what the summary names otherwise; everything else has one name."""


async def figures_of(edges: Edges) -> dict[str, int]:
    """This will read every service's figures, and how many letters are dead."""
    services = list(edges.services)
    told = await asyncio.gather(*(edges.get(each, "/figures") for each in services))
    quiet = await asyncio.gather(*(edges.get(each, "/quiet") for each in services))
    figures = {name: value for each in told for name, value in each.items()}
    return {**figures, "dead_letters": sum(each["dead"] for each in quiet)}


def summary(
    figures: Mapping[str, int], referring: Referring, insuring: Insuring, edges: Edges, seconds: float
) -> Summary:
    """This will put the figures into one object."""
    return Summary(
        **_counted(figures),
        referrals_posted=referring.posted["referrals"],
        posts_asked_again=edges.asked_again,
        sessions_ahead=_ahead(figures),
        insurers_asked=insuring.asked,
        insurers_see_units=sum(each["units_covered"] for each in insuring.totals.values()),
        seconds=round(seconds, 1),
    )


def _counted(figures: Mapping[str, int]) -> dict[str, int]:
    sources = {field: FIGURES.get(field, field) for field in Summary.model_fields}
    return {field: figures[source] for field, source in sources.items() if source in figures}


def _ahead(figures: Mapping[str, int]) -> int:
    over = ("sessions_held", "sessions_missed", "sessions_cancelled", "sessions_unrecorded")
    return figures["sessions_booked"] - sum(figures[each] for each in over)
