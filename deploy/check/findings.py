"""The promises, one after another, and the ids for which each is broken."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.check import bus, messages, people
from deploy.check.books import Books, open_books
from deploy.premises import Addresses, known


@dataclass(frozen=True)
class Finding:
    """One promise: what it says, how many things it was held against, and the ids for which it is broken."""

    promise: str
    words: str
    looked_at: int
    broken: list[str] = field(default_factory=list)


Look = Callable[[Mapping[str, Books]], tuple[int, list[str]]]

LOOKS: Sequence[tuple[str, str, Look]] = (
    ("I1", "every accepted referral is offered, matched, waiting, ended or with a person", people.accepted),
    ("I2", "every match, visit, unit and reminder belongs to a referral that was received", people.phantoms),
    ("I3", "nobody is in two places at once", people.overlaps),
    ("I3", "no referral has two matches, and no supporter more people than room", people.capacity),
    ("I4", "nobody waits with nothing: a bridge is offered, or a person has the task", people.bridged),
    ("I5", "every visit ahead has its reminders, and none is sent twice, early or after a cancellation", messages.sent),
    ("I5", "every reminder whose moment has passed came to an end", messages.ended),
    ("I6", "everything said was carried, and heard by everybody who listens", bus.heard),
    ("I7", "versions are gapless for every speaker and key", bus.gapless),
    ("I8", "nothing was applied twice", bus.once),
    ("--", "covered and uncovered units add up to the delivered ones", people.units),
    ("--", "no letter is dead and no errand is stuck", bus.stuck),
)


async def of(data: Path, provider_log: Path | None = None) -> list[Finding]:
    """This will hold a deployment's stores and streams, and a provider's log if given, against every promise."""
    addresses, premises = Addresses.read(data), known(data)
    books = await open_books(addresses.databases)
    found = [Finding(promise, words, *look(books)) for promise, words, look in LOOKS]
    streams = await bus.kept(books, addresses.nats, premises.admin_seed)
    found.append(Finding("I6", "the broker still has what it took", *streams))
    if provider_log:
        told = messages.against(books, provider_log)
        found.append(Finding("I5", "the provider got each message once, and every one that we call sent", *told))
    return found
