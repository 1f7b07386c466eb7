"""What was measured, as lines of one table: a median with its spread, the CPU it took, and what it is held against."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from tests.bench.house import Carried


@dataclass(frozen=True)
class Spread:
    """Values of the same thing, one a round."""

    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)

    def told(self) -> str:
        """The median, and from where to where."""
        low, high = min(self.values), max(self.values)
        span = f" ({number(low)} to {number(high)})" if len(self.values) > 1 else ""
        return f"{number(self.middle)}{span}"


def number(value: float) -> str:
    """A number with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


@dataclass(frozen=True)
class Line:
    """A line of the table: `cpu_ms` a referral over all processes; `against` says what it is compared with."""

    part: str
    what: str
    value: Spread
    unit: str
    cpu_ms: Spread | None = None
    cpu_by_process: dict[str, float] = field(default_factory=dict)
    against: str = ""

    def plain(self) -> dict[str, Any]:
        """Everything, for JSON."""
        told = asdict(self)
        told["value"] = {"median": self.value.middle, "rounds": list(self.value.values)}
        told["cpu_ms"] = {"median": self.cpu_ms.middle, "rounds": list(self.cpu_ms.values)} if self.cpu_ms else None
        return told


def rate(part: str, what: str, rounds: Sequence[Carried], against: str = "") -> Line:
    """Referrals a second, with their CPU."""
    by_process = {name: median(each.cpu_ms[name] for each in rounds) for name in rounds[0].cpu}
    return Line(
        part,
        what,
        Spread(tuple(each.rate for each in rounds)),
        "referrals/s",
        Spread(tuple(sum(each.cpu_ms.values()) for each in rounds)),
        by_process,
        against,
    )


def times(one: float, other: float) -> str:
    """How many times as much one is as another."""
    return f"{number(one / other)} x"
