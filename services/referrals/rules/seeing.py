"""What the referrer of a referral may see of where it stands, in which words, and by which consent."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.referrals.rules.journey import HELD, TAKEN_BACK, OrderStatus, State, TaskStatus


@dataclass(frozen=True, kw_only=True)
class Milestones:
    """What a timeline tells: the first visit, when it was kept, counts; `too_late`: it was taken back when over."""

    first_visit: datetime | None = None
    first_kept: datetime | None = None
    kept: int | None = None
    bridge: bool = False
    too_late: bool = False


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a referrer may see: FHIR Task status, our code and sentence for it, a reason, and dates where allowed.

    `code` is the reason of a no; `clock` says whether they may know who must act next, and by when; `by_consent`
    whether they may know it by the person's consent alone.
    """

    status: TaskStatus
    business: str
    text: str
    reason: str | None = None
    code: str | None = None
    milestones: Milestones = Milestones()
    notice: bool = False
    clock: bool = False
    by_consent: bool = False


SENTENCES: dict[str, str] = {
    "crisis_review": "Received for review by a person",
    "needs_screen": "Received; a person will ask about safety first",
    "needs_info": "Received; one question is open",
    "refused": "Not accepted",
    "accepted": "Accepted",
    "waitlisted": "Accepted; waiting for a supporter",
    "offered": "Accepted; a supporter is being asked",
    "matched": "A supporter is found",
    "first_scheduled": "First visit is booked",
    "engaged": "First visit was kept",
    "lapsed": "The visits ended before one was kept",
    "completed": "The series of visits has ended",
    "closed": "Not connected",
    "linked": "Linked with other help",
    "connected": "Connected with a peer service",
    "withdrawn": "Withdrawn, as you asked",
}
REASONS: dict[str, str] = {
    "not_peer_support": "This programme offers peer support only; for other services please use your usual directory.",
    "no_consent": "The person has not agreed to peer support; the door stays open whenever they wish.",
    "age": "This programme serves people from 12 years on; the children's service of your county can help.",
    "entered_in_error": "The referral was sent as entered in error.",
    "withdrawn": "The referral was sent as revoked.",
}
NOTHING_THERE = "There was nothing to take back", "No such referral had come from you."
UNKNOWN = "unknown"
"""What is said of a withdrawal of what we never had, and why; and its code."""
LATE, TOO_LATE = "too_late", "It was over before you took it back: that changes nothing."
"""How a timeline notes that what was taken back was over, and what is said of it."""
QUESTIONS: dict[str, str] = {
    "contact": "Which phone number or e-mail address may we use to reach the person?",
    "birth_date": "What is the person's full date of birth?",
    "guardian": "Does a parent or guardian agree? A person here will ask them; tell us how to reach them.",
    "deceased": "The record says that the person has died; is that so?",
    "still_wanted": "The request says that it is completed; is peer support still asked for?",
    "asked_again": "It was taken back before; is peer support asked for again? A person here will ask you.",
}
Closing = Literal["declined", "unreachable", "no_place", "ineligible", "transferred", "deceased", "linked"]
CLOSED_AS: dict[str, tuple[TaskStatus, str]] = {
    "declined": ("cancelled", "The person does not want peer support now; the door stays open whenever they wish."),
    "unreachable": ("failed", "The person could not be reached; refer again when there is another way to reach them."),
    "no_place": ("rejected", "This programme has no place for the person; please use your usual directory."),
    "ineligible": ("rejected", "This programme cannot serve the person; please use your usual directory."),
    "transferred": ("cancelled", "Another programme took over the referral, as the person agreed."),
    "deceased": ("cancelled", "The person has died."),
    "linked": ("cancelled", "The person goes on with other help; the door stays open whenever they wish."),
}
"""Why people at the programme closed a referral, what its Task says then, and what its referrer reads."""

OUR_OWN = ("no_place", "ineligible")
"""What is about the programme, and said like any refusal: without the person's consent, where nobody was matched."""

_UNDER_WAY: dict[State, TaskStatus] = {
    "waitlisted": "accepted",
    "offered": "accepted",
    "matched": "accepted",
    "first_scheduled": "in-progress",
    "engaged": "in-progress",
    "lapsed": "on-hold",
    "completed": "completed",
}
LAPSED = "A person at the programme looks at what comes next."
_CONNECTED = ("matched", "first_scheduled", "engaged", "lapsed", "completed")
_ENDS: tuple[TaskStatus, ...] = ("completed", "rejected", "cancelled", "failed")


def seen(
    state: State,
    *,
    order: OrderStatus = "active",
    reasons: tuple[str, ...] = (),
    consented: bool,
    part2: bool,
    milestones: Milestones = Milestones(),
    never_had: bool = False,
) -> Seen:
    """This will give what the referrer may see: beyond accepted or rejected only what the consent allows.

    Of a person whose records 42 CFR Part 2 protects, it tells no more than that they are connected: the same status
    and words from then on, whatever happens. Who took a referral back sees that, wherever the person is by then; of one
    that we `never_had`, that there was nothing to take back. Only where it was over before, and they may know that,
    they go on seeing how it ended: no other word may tell them that there was an end.
    """
    told = _as_it_stands(state, reasons, consented=consented, part2=part2, milestones=milestones)
    if order not in TAKEN_BACK or state == "crisis_review":
        return told
    if milestones.too_late and told.status in _ENDS:
        return replace(told, reason=" ".join(filter(None, [told.reason, TOO_LATE])))
    return _taken_back(order, never_had=never_had)


def _as_it_stands(
    state: State, reasons: tuple[str, ...], *, consented: bool, part2: bool, milestones: Milestones
) -> Seen:
    if told := _always_told(state, reasons):
        return told
    connected = state in _CONNECTED or (state == "closed" and milestones.first_visit is not None)
    if state == "closed" and reasons and not connected and reasons[0] in OUR_OWN:
        return _closed(reasons[0])
    if not consented or (part2 and not connected):
        return Seen(status="accepted", business="accepted", text=SENTENCES["accepted"])
    if part2:
        return Seen(status="accepted", business="connected", text=SENTENCES["connected"], notice=True, by_consent=True)
    if state == "closed" and reasons:
        return replace(_closed(reasons[0]), milestones=milestones, by_consent=True)
    if state == "accepted":
        return Seen(status="accepted", business="accepted", text=SENTENCES["accepted"], clock=True, by_consent=True)
    return Seen(
        status=_UNDER_WAY[state],
        business=state,
        text=SENTENCES[state],
        reason=LAPSED if state == "lapsed" else None,
        milestones=milestones,
        clock=state != "completed",
        by_consent=True,
    )


def _taken_back(order: OrderStatus, *, never_had: bool) -> Seen:
    text, reason = NOTHING_THERE if never_had else (SENTENCES["withdrawn"], REASONS[order])
    code = UNKNOWN if never_had else order
    return Seen(status=TAKEN_BACK[order], business="withdrawn", text=text, reason=reason, code=code)


def _always_told(state: State, reasons: tuple[str, ...]) -> Seen | None:
    """This will give what is told without any consent: what a referral is held for, or why it was refused."""
    if state in HELD:
        questions = " ".join(QUESTIONS[each] for each in reasons if each in QUESTIONS)
        reason, clock = questions or SENTENCES[state], state != "crisis_review"
        return Seen(status="on-hold", business=state, text=SENTENCES[state], reason=reason, clock=clock)
    if state == "refused":
        code = reasons[0] if reasons else None
        told = REASONS.get(code) if code else None
        return Seen(status="rejected", business=state, text=SENTENCES[state], reason=told, code=code)
    return None


def _closed(code: str) -> Seen:
    status, reason = CLOSED_AS[code]
    business = code if code == "linked" else "closed"
    return Seen(status=status, business=business, text=SENTENCES[business], reason=reason, code=code)
