"""What every provider of a channel offers, and how its recipients behave in a rehearsal."""

from dataclasses import dataclass
from typing import Literal, Protocol

from services.notifications.rules.sending import Outcome
from services.notifications.rules.words import Message

Recipient = Literal["delivered", "refused", "slow", "unknown", "duplicate"]
ENDINGS: dict[str, Recipient] = {"0001": "refused", "0002": "slow", "0003": "unknown", "0004": "duplicate"}
WORDS: tuple[Recipient, ...] = ("refused", "slow", "unknown", "duplicate")


@dataclass(frozen=True)
class Answer:
    """What a provider answered, and by which id it knows the message."""

    outcome: Outcome
    provider_id: str | None = None


class Provider(Protocol):
    """One way out; `dedups` says that it takes the same key once, however often it is given."""

    dedups: bool

    async def send(self, message: Message, *, to: str, key: str) -> Answer:
        """This will give a message to the provider under a key."""
        ...


def rehearsed(address: str) -> Recipient:
    """This will choose a test recipient's behaviour by the last digits of a number, or the end of a local part."""
    if "@" not in address and address[-4:] in ENDINGS:
        return ENDINGS[address[-4:]]
    return next((each for each in WORDS if address.split("@")[0].endswith(each)), "delivered")
