"""When a message may reach a person: a reminder moves earlier out of quiet hours, and is never sent late."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.events.notifications import PlannedReminder, ReminderKind
from shared.events.scheduling import SeriesBooked
from shared.ids import beside

LATEST = timedelta(minutes=60)
"""A message later than this before the start helps nobody."""

LEADS: dict[ReminderKind, int] = {"3d": 3, "1d": 1}
"""Days before a session; a weekly rhythm has no 7-day reminder, for it would land on the session before."""

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Hours:
    """The recipient's local hours in which a message may arrive: `opens` included, `closes` excluded."""

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("The hours in which messages may arrive must open before they close, on the same day.")


def zone_of(name: str, fallback: str) -> ZoneInfo:
    """This will give the zone of that IANA name, or the fallback's when nobody knows it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(fallback)


def is_quiet(at: datetime, *, zone: ZoneInfo, hours: Hours) -> bool:
    """This will say whether a message at that instant would arrive in the recipient's quiet hours."""
    return not hours.opens <= at.astimezone(zone).time() < hours.closes


def last_allowed(at: datetime, *, zone: ZoneInfo, hours: Hours) -> datetime:
    """This will give the last allowed minute at or before an instant."""
    if not is_quiet(at, zone=zone, hours=hours):
        return at
    local = at.astimezone(zone)
    day = local.date() if local.time() >= hours.closes else local.date() - timedelta(days=1)
    found = datetime.combine(day, hours.closes, zone).astimezone(UTC) - MINUTE
    # Where the clocks change within the window's edge, the wall time above may not exist: walk to one that does.
    while found > at or is_quiet(found, zone=zone, hours=hours):
        found -= MINUTE
    return found


def next_allowed(at: datetime, *, zone: ZoneInfo, hours: Hours) -> datetime:
    """This will give the first allowed minute at or after an instant."""
    if not is_quiet(at, zone=zone, hours=hours):
        return at
    local = at.astimezone(zone)
    day = local.date() if local.time() < hours.opens else local.date() + timedelta(days=1)
    found = datetime.combine(day, hours.opens, zone).astimezone(UTC)
    while found < at or is_quiet(found, zone=zone, hours=hours):
        found += MINUTE
    return found


def due(starts_at: datetime, *, days: int, zone: ZoneInfo, hours: Hours) -> datetime:
    """This will give a reminder's moment: the same wall time `days` earlier, carried earlier out of quiet hours."""
    local = starts_at.astimezone(zone)
    same_time = datetime.combine(local.date() - timedelta(days=days), local.time(), zone).astimezone(UTC)
    return last_allowed(min(same_time, starts_at - LATEST), zone=zone, hours=hours)


def plan(series: SeriesBooked, *, now: datetime, zone: ZoneInfo, hours: Hours) -> list[PlannedReminder]:
    """This will plan one confirmation for a series and the reminders of its sessions whose moment is still ahead.

    A moment that has passed (booked with less notice than the lead time) is not planned at all, rather than sent late.
    """
    reminders = [
        PlannedReminder(
            reminder_id=reminder_id(each.session_id, kind), session_id=each.session_id, kind=kind, due=moment
        )
        for each in series.sessions
        for kind, days in LEADS.items()
        if (moment := due(each.starts_at, days=days, zone=zone, hours=hours)) > now
    ]
    return [*_confirmation(series, now=now, zone=zone, hours=hours), *reminders]


def reminder_id(about: UUID, kind: ReminderKind) -> UUID:
    """This will give a message's identity, the same each time: of a session, or for a confirmation of a series."""
    return beside(about, kind)


def _confirmation(series: SeriesBooked, *, now: datetime, zone: ZoneInfo, hours: Hours) -> list[PlannedReminder]:
    moment = next_allowed(now, zone=zone, hours=hours)
    ahead = [each for each in series.sessions if moment <= each.starts_at - LATEST]
    first = min(ahead, key=lambda each: each.starts_at, default=None)
    if first is None:
        return []
    identity = reminder_id(series.series_id, "confirmation")
    return [PlannedReminder(reminder_id=identity, session_id=first.session_id, kind="confirmation", due=moment)]


def moment_again(kind: ReminderKind, starts_at: datetime, *, now: datetime, zone: ZoneInfo, hours: Hours) -> datetime:
    """This will give a planned message's moment anew, when the recipient's zone has become known after planning."""
    if kind == "confirmation":
        return next_allowed(now, zone=zone, hours=hours)
    return due(starts_at, days=LEADS[kind], zone=zone, hours=hours)
