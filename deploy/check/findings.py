"""The promises, one after another, and the ids for which each is broken."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deploy.check import bus, loops, messages, people, visits
from deploy.check.books import Books, CannotLook, open_books
from deploy.premises import Addresses, known

LOOKS_AGAIN, PAUSE = 2, 1.0
"""Stores are read one after another while the services work: only what stays broken is told."""


@dataclass(frozen=True)
class Finding:
    """One promise: its words, how many things it was held against, for which ids it is broken; or why nobody knows."""

    promise: str
    words: str
    looked_at: int
    broken: list[str] = field(default_factory=list)
    unseen: str = ""


Look = Callable[[Mapping[str, Books]], tuple[int, list[str]]]

LOOKS: Sequence[tuple[str, str, Look]] = (
    ("I1", "everybody accepted is offered, matched and booked, waiting, ended or with a person", people.accepted),
    ("I1", "whoever is held for a person has an open task", people.held),
    ("I1", "for every open referral somebody must act, by a certain time", loops.owned),
    ("I1", "every referral whose time has run out is somebody's task", loops.noticed),
    ("I1", "nothing is completed but what had a visit that was kept", loops.evident),
    ("I2", "every offer, match, visit and reminder hangs on a referral that was received", people.phantoms),
    ("I3", "nobody is in two places at once", visits.overlaps),
    ("I3", "no referral has two matches, and no supporter more people than room", people.capacity),
    ("I4", "nobody waits with nothing: a bridge is offered, or a person has the task", people.bridged),
    ("I5", "every visit booked in time has its reminders, and every cancellation is known", messages.planned),
    ("I5", "no reminder was sent early, at night, after a STOP or after a cancellation", messages.timely),
    ("I5", "every reminder whose moment has passed was sent, skipped, or is with a person", messages.ended),
    ("I5", "every reminder that was sent was said to be, and no other", messages.announced),
    ("I6", "everything said was carried, and heard by everybody who listens", bus.heard),
    ("I7", "versions are gapless for every speaker and key", bus.gapless),
    ("I8", "nothing happened twice, and nothing was heard that was not said", bus.once),
    ("I9", "every referrer was told of their referrals, and of no others", people.told),
    ("--", "a session is what its seats say", visits.recorded),
    ("--", "units are no more than the minutes, and each is covered or has a reason", visits.units),
    ("--", "no letter, errand or timer is stuck", bus.stuck),
)
KEPT = "I6", "the broker still has what it took"
TAKEN = "I5", "the provider got every text that we call sent once, and no other"


async def of(data: Path, provider_log: Path | None = None) -> list[Finding]:
    """This will hold a deployment's stores and streams, and a provider's log if given, against every promise."""
    found = await _look(data, provider_log)
    for _ in range(LOOKS_AGAIN):
        if any(each.broken for each in found):
            await asyncio.sleep(PAUSE)
            # A broker that did not answer is not waited for again.
            again = await _look(data, provider_log, unseen=_unseen(found))
            found = [_still(before, now) for before, now in zip(found, again, strict=True)]
    return found


def _still(before: Finding, now: Finding) -> Finding:
    return replace(now, broken=[each for each in now.broken if each in set(before.broken)])


def _unseen(found: Sequence[Finding]) -> str:
    return next(each.unseen for each in found if (each.promise, each.words) == KEPT)


async def _look(data: Path, provider_log: Path | None, *, unseen: str = "") -> list[Finding]:
    addresses, premises = Addresses.read(data), known(data)
    books = await open_books(addresses.databases)
    found = judge(books)
    try:
        if unseen:
            raise CannotLook(unseen)
        found.append(Finding(*KEPT, *await bus.kept(books, addresses.nats, premises.admin_seed)))
    except CannotLook as why:
        found.append(Finding(*KEPT, 0, unseen=str(why)))
    if provider_log:
        log = provider_log
        found.append(_held_against(*TAKEN, lambda books: messages.against(books, log), books))
    return found


def judge(books: Mapping[str, Books]) -> list[Finding]:
    """This will hold the stores against every promise that they alone can show broken."""
    return [_held_against(promise, words, look, books) for promise, words, look in LOOKS]


def _held_against(promise: str, words: str, look: Look, books: Mapping[str, Books]) -> Finding:
    try:
        return Finding(promise, words, *look(books))
    except CannotLook as why:
        return Finding(promise, words, 0, unseen=str(why))
