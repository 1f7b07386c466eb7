"""How fast an organisation may ask: a bucket of tokens each, filled again as time goes by."""

import asyncio
import time
from dataclasses import dataclass

MOST = 10_000
"""How many are remembered at a time: those who need no key could otherwise fill the memory."""


@dataclass
class _Bucket:
    tokens: float
    at: float


class Pace:
    """Lets each organisation make `at_once` requests at once, and `rate` a second for as long as it likes."""

    def __init__(self, rate: float, at_once: int) -> None:
        self.rate, self.at_once = rate, at_once
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, organisation: str) -> float:
        """This will take a token and give 0, or give the seconds until there is one."""
        clock = time.monotonic()
        if len(self._buckets) >= MOST:
            self._forget_the_full(clock)
        bucket = self._buckets.setdefault(organisation, _Bucket(float(self.at_once), clock))
        bucket.tokens = min(bucket.tokens + (clock - bucket.at) * self.rate, self.at_once)
        bucket.at = clock
        if bucket.tokens < 1:
            return (1 - bucket.tokens) / self.rate
        bucket.tokens -= 1
        return 0.0

    def _forget_the_full(self, clock: float) -> None:
        """This will forget whoever has been quiet for so long that it makes no difference; all, where nobody has."""
        self._buckets = {
            name: each
            for name, each in self._buckets.items()
            if each.tokens + (clock - each.at) * self.rate < self.at_once
        }
        if len(self._buckets) >= MOST:
            self._buckets = {}

    async def keep(self, organisation: str) -> None:
        """This will wait for a token, and take it."""
        seconds = self.wait(organisation)
        while seconds:
            await asyncio.sleep(seconds)
            seconds = self.wait(organisation)
