"""The test provider: nobody is written to; each recipient behaves as the end of the address says."""

import asyncio

from services.notifications.rules.providers import Answer, rehearsed
from services.notifications.rules.words import Message

SLOW = 0.3


class Rehearsal:
    """Takes every key once, like a provider that drops repeats."""

    dedups = True

    async def send(self, message: Message, *, to: str, key: str) -> Answer:
        """This will answer as the recipient behaves: delivered, refused, slow, unknown or duplicate."""
        del message
        recipient = rehearsed(to)
        if recipient == "refused":
            return Answer("refused")
        if recipient == "unknown":
            return Answer("unknown")
        if recipient == "slow":
            await asyncio.sleep(SLOW)
        return Answer("accepted", f"rehearsed-{key}")
