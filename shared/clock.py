"""Domain time: the only place that asks the system clock.

In production it is the real time. In the demo it is stepped: `step_to` is called with what the conductor announces, so
weeks pass in a minute, alike in all processes. Machinery (leases, retries, time-outs) uses `time.monotonic()`.
"""

from datetime import UTC, datetime

_stepped: datetime | None = None


def now() -> datetime:
    """This will give the domain time, an aware UTC instant."""
    return _stepped or real()


def real() -> datetime:
    """This will give the machine's time, for records of the machinery itself."""
    return datetime.now(UTC)  # noqa: TID251


def in_z(moment: datetime, *, timespec: str = "auto") -> str:
    """This will write a UTC instant with a Z, so that it may stand in a URL as it is."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def step_to(moment: datetime) -> bool:
    """This will move domain time forward to `moment`, never back, and say whether it moved."""
    global _stepped
    if _stepped and moment <= _stepped:
        return False
    _stepped = moment.astimezone(UTC)
    return True


def run_freely() -> None:
    """This will make domain time the real time again."""
    global _stepped
    _stepped = None
