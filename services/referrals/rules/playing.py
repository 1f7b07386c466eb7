"""How referrals of an organisation for tests go on: as one of their numbers asks, played by nobody but the clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from services.referrals.rules.journey import HELD, TAKEN_BACK, Event, State
from services.referrals.rules.order import ReferralOrder
from services.referrals.rules.seeing import Closing
from services.referrals.rules.triage import Verdict

Step = Event | Literal["let_on", "closed"]
"""What happens next; `let_on` is a person who looks at what is held, and lets it go on, `closed` one who closes it."""

PREFIX = "outcome-"
PAUSE = timedelta(seconds=2)
"""Between a referral and its first step, and between one step and the next."""

MATCHED: tuple[Event, ...] = ("offer_made", "match_made")
BOOKED: tuple[Event, ...] = (*MATCHED, "series_booked")


@dataclass(frozen=True, kw_only=True)
class Play:
    """An outcome: the verdict it begins with where that is not the referral's own, its steps, and why it is closed."""

    verdict: Verdict | None = None
    steps: tuple[Step, ...] = ()
    reason: Closing | None = None


CRISIS = Verdict(outcome="crisis_review")
PLAYS: dict[str, Play] = {
    "declined": Play(verdict=Verdict(outcome="refused", reason="not_peer_support")),
    "no-consent": Play(verdict=Verdict(outcome="refused", reason="no_consent")),
    "crisis": Play(verdict=CRISIS),
    "crisis-cleared": Play(verdict=CRISIS, steps=("let_on",)),
    "unheard": Play(verdict=CRISIS),
    "needs-screen": Play(verdict=Verdict(outcome="needs_screen")),
    "needs-info": Play(verdict=Verdict(outcome="needs_info", missing=("contact",))),
    "accepted": Play(steps=("let_on",)),
    "waitlisted": Play(steps=("let_on", "waitlisted", "bridge_offered")),
    "offered": Play(steps=("let_on", "offer_made")),
    "matched": Play(steps=("let_on", *MATCHED)),
    "scheduled": Play(steps=("let_on", *BOOKED)),
    "no-show": Play(steps=("let_on", *BOOKED, "missed", "series_unkept")),
    "kept": Play(steps=("let_on", *BOOKED, "first_kept")),
    "completed": Play(steps=("let_on", *BOOKED, "first_kept", "series_ended")),
    **{
        f"closed-{reason.replace('_', '-')}": Play(steps=("let_on", "waitlisted", "closed"), reason=reason)
        for reason in get_args(Closing)
    },
}
USUAL = Play(steps=(*BOOKED, "first_kept"))
"""How a referral goes that asks for nothing: what is held stays so, everything else comes to its first visit."""


class UnknownOutcome(ValueError):
    """A number asks for an outcome that there is not."""


def outcome_of(order: ReferralOrder) -> str | None:
    """This will give the outcome that a number of the referral or the person asks for, `outcome-matched-17` for one.

    None where none does; UnknownOutcome where one is misspelt.
    """
    for value in _numbers(order):
        rest = value.strip().lower()
        if not rest.startswith(PREFIX):
            continue
        rest = rest.removeprefix(PREFIX)
        names = [each for each in PLAYS if rest == each or (rest.startswith(each) and not rest[len(each)].isalnum())]
        if not names:
            raise UnknownOutcome(value)
        return max(names, key=len)
    return None


def _numbers(order: ReferralOrder) -> Iterator[str]:
    if order.identifier:
        yield order.identifier.value
    yield from (each.value for each in order.person.identifiers)


def play_of(order: ReferralOrder) -> Play:
    """This will give how a referral goes on."""
    name = outcome_of(order)
    return PLAYS[name] if name else USUAL


def verdict_of(order: ReferralOrder, found: Verdict) -> Verdict:
    """This will give the verdict a referral begins with: danger, and what is refused, are as in real life."""
    if found.outcome in ("crisis_review", "refused"):
        return found
    return play_of(order).verdict or found


def step_of_play(order: ReferralOrder, state: State, number: int) -> Step | None:
    """This will give the step that is due, counted from 0; None where the play is over, or waits for somebody."""
    steps = play_of(order).steps
    if number >= len(steps) or state == "refused" or order.status in TAKEN_BACK:
        return None
    return None if state in HELD and steps[number] != "let_on" else steps[number]


def nobody_hears(order: ReferralOrder) -> bool:
    """This will say whether a referral asks to be answered as if nobody could be paged about its danger."""
    return outcome_of(order) == "unheard"
