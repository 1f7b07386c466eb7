"""Business hours and local times, pure, so that rules may ask; times in a gap move forward, in a fold come first."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.programme import Site


def local(day: date, clock_time: str, zone: str) -> datetime:
    """This will give the instant (UTC) of a wall time `HH:MM` on a day in a zone."""
    hours, minutes = clock_time.split(":")
    wall = datetime.combine(day, time(int(hours), int(minutes)), ZoneInfo(zone))
    return _out_of_gap(wall).astimezone(UTC)


def _out_of_gap(wall: datetime) -> datetime:
    """This will move a wall time that does not exist forward by the length of the gap (02:30 becomes 03:30)."""
    through_utc = wall.astimezone(UTC).astimezone(wall.tzinfo)
    return through_utc if through_utc.replace(tzinfo=None) > wall.replace(tzinfo=None) else wall


def day_at(site: Site, at: datetime) -> date:
    """This will give the site's local date at an instant."""
    return at.astimezone(ZoneInfo(site.zone)).date()


def is_business_day(site: Site, day: date) -> bool:
    """This will say whether the site works on a day."""
    return day.weekday() in site.workdays and day not in site.holidays


def add_business_hours(site: Site, start: datetime, hours: float) -> datetime:
    """This will give the instant at which `hours` business hours have passed since `start`."""
    left, day = timedelta(hours=hours), day_at(site, start)
    for _ in range(3660):
        if is_business_day(site, day):
            begin = max(start, _opens(site, day))
            room = _closes(site, day) - begin
            if room >= left:
                return (begin + left).astimezone(UTC)
            left -= max(room, timedelta())
        day += timedelta(days=1)
    raise ValueError(f"site {site.site_id} has no business days; give it workdays")


def add_business_days(site: Site, start: datetime, days: int) -> datetime:
    """This will give the end of business on the `days`-th business day after `start`'s day."""
    day = day_at(site, start)
    for _ in range(3660):
        if days <= 0:
            return _closes(site, day)
        day += timedelta(days=1)
        days -= is_business_day(site, day)
    raise ValueError(f"site {site.site_id} has no business days; give it workdays")


def business_days_between(site: Site, earlier: datetime, later: datetime) -> int:
    """This will count the business days that began after `earlier`'s day, up to and with `later`'s day."""
    first, last = day_at(site, earlier), day_at(site, later)
    weeks, rest = divmod(max((last - first).days, 0), 7)
    count = weeks * len(set(site.workdays))
    count += sum((first + timedelta(days=weeks * 7 + each)).weekday() in site.workdays for each in range(1, rest + 1))
    return count - sum(first < each <= last and each.weekday() in site.workdays for each in set(site.holidays))


def _opens(site: Site, day: date) -> datetime:
    return local(day, site.opens, site.zone)


def _closes(site: Site, day: date) -> datetime:
    return local(day, site.closes, site.zone)
