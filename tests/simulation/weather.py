"""What goes wrong in a seed and how often, and what really happened: swarm testing, each seed with its own mixture."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

ASKED_TWICE = "edge asked twice"
RATES = {
    "publish lost": 0.06,
    "puback lost": 0.06,
    "batch refused": 0.2,
    "delivered twice": 0.1,
    "delivered late": 0.2,
    "ack lost": 0.06,
    "slow statement": 0.03,
    "database refused": 0.015,
    "commit unknown": 0.02,
    "crash in a transaction": 0.01,
    "crash around a call": 0.25,
    "provider hung": 0.05,
    "provider away": 0.08,
    "provider's answer lost": 0.1,
    "clock jumped": 0.2,
    ASKED_TWICE: 0.2,
}
"""How often each small thing goes wrong at an occasion, in a seed that has it."""

EVENTS = {
    "crash": 3,
    "stream wiped": 1,
    "broker wiped": 1,
    "tail lost": 1,
    "hole": 1,
    "bit flipped": 1,
    "consumer reset": 2,
    "database away": 1,
    "handlers fail": 2,
}
"""How often each large thing happens in a seed that has it, at most."""


@dataclass
class Weather:
    """The mixture of a seed; `happened` counts what really came about."""

    chance: Random
    rates: dict[str, float] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    told: Callable[[str], None] = lambda _: None

    @classmethod
    def of(cls, chance: Random) -> "Weather":
        """Draw a seed's mixture: a small part of the seeds is fair."""
        if chance.random() < 0.05:
            return cls(chance)
        rates = {each: rate for each, rate in RATES.items() if chance.random() < 0.5}
        wanted = {each: most for each, most in EVENTS.items() if chance.random() < 0.4}
        events = [each for each, most in wanted.items() for _ in range(chance.randint(1, most))]
        chance.shuffle(events)
        return cls(chance, rates, events)

    def strikes(self, what: str) -> bool:
        """Whether it goes wrong this time."""
        rate = self.rates.get(what, 0.0)
        if rate and self.chance.random() < rate:
            self.note(what)
            return True
        return False

    def note(self, what: str) -> None:
        """Count something that came about."""
        self.happened[what] += 1
        self.told(what)

    def clears_up(self) -> None:
        """From now on nothing goes wrong, but people still ask twice."""
        self.rates = {each: rate for each, rate in self.rates.items() if each == ASKED_TWICE}
        self.events.clear()
