"""What a payer covers of what was delivered: the whole history of a member, in order of the dates of service.

A late or corrected session may use up a limit, so the answer is always a recount from the first date on.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.rules import heeding
from services.scheduling.rules.authorisations import Authorisation, choose, lacking
from services.scheduling.rules.faults import faults
from services.scheduling.rules.plans import PlanRule, Plans
from services.scheduling.rules.seats import HELD, Delivered, Judgement
from services.scheduling.rules.units import shares
from shared.events.fact import Minutes, Units


@dataclass(frozen=True, kw_only=True)
class _Line:
    """The part of a seat that belongs to one date of service, with its coverage as it counts on that date."""

    seat: Delivered
    day: date
    begins: datetime
    minutes: Minutes
    rule: PlanRule | None
    faults: frozenset[str]
    units: Units = 0
    authorisation: Authorisation | None = None

    @property
    def code(self) -> str | None:
        """This will give the code of the service, where the plan is known and has one."""
        return self.rule.service().code if self.rule else None

    def account(self) -> tuple[str, str, str]:
        """This will name the member's account that limits are counted on."""
        mine = self.seat.coverage
        return mine.payer, mine.plan_id, mine.member_id


def judge(seats: list[Delivered], plans: Plans) -> list[Judgement]:
    """This will say, for the whole recorded history of a member, what is covered of each seat and why not the rest."""
    lines = sorted((line for seat in seats for line in _lines(seat, plans)), key=_order)
    found: dict[UUID, Judgement] = {}
    used: Counter[tuple[object, ...]] = Counter()
    for _, day in groupby(lines, key=lambda line: (line.account(), line.day)):
        for line in (_authorised(each, used) for each in _with_units(list(day))):
            covered, denied = _cover(line, used)
            so_far = found.get(line.seat.seat_id) or _blank(line)
            found[line.seat.seat_id] = _add(so_far, line, covered, denied, left=_left(line, used))
    return [_mark_short(each) for each in found.values()]


def service_date(started_at: datetime, zone: str) -> date:
    """This will give the local date that a session counts for."""
    return started_at.astimezone(ZoneInfo(zone)).date()


def _order(line: _Line) -> tuple[object, ...]:
    mine = line.seat.coverage
    return mine.payer, mine.member_id, line.day, mine.plan_id, line.begins, str(line.seat.seat_id)


def _lines(seat: Delivered, plans: Plans) -> Iterator[_Line]:
    """This will split a seat at local midnight: each part belongs to its own date of service."""
    place, begins, left = ZoneInfo(seat.zone), seat.started_at, seat.minutes
    while True:
        day = begins.astimezone(place).date()
        midnight = datetime.combine(day + timedelta(days=1), time(), place).astimezone(UTC)
        minutes = min(left, int((midnight - begins).total_seconds() // 60))
        part = replace(seat, coverage=heeding.on(seat.coverage, day, plans))
        rule = plans.on(part.coverage.plan_id, day)
        yield _Line(seat=part, day=day, begins=begins, minutes=minutes, rule=rule, faults=faults(part, rule, day))
        begins, left = midnight, left - minutes
        if left <= 0:
            return


def _with_units(day: list[_Line]) -> list[_Line]:
    """This will share out the units of one date: first among what may be covered, in time order, then the rest.

    So the coverable seats hold exactly the units of their own minutes, and all seats together the day's total.
    """
    held = sorted(
        (line for line in day if line.seat.outcome in HELD), key=lambda line: (bool(line.faults), _order(line))
    )
    rule = next((line.rule for line in held if line.rule), None)
    service = rule.service() if rule else None
    if service is None or service.unit_basis != "minutes_15":
        return day
    units = shares([line.minutes for line in held], rounding=service.rounding)
    given = {id(line): count for line, count in zip(held, units, strict=True)}
    return [replace(line, units=given.get(id(line), 0)) for line in day]


def _authorised(line: _Line, used: Counter[tuple[object, ...]]) -> _Line:
    """This will choose the authorisation that a line counts on, by what the lines before it used up."""
    known = line.seat.coverage.all_authorisations()
    chosen = choose(known, line.code, line.day, lambda each: _left(replace(line, authorisation=each), used))
    return replace(line, authorisation=chosen)


def _cover(line: _Line, used: Counter[tuple[object, ...]]) -> tuple[Units, dict[str, Units]]:
    """This will use up the limits for one line, and give what is covered and what each reason leaves uncovered."""
    if line.faults or line.rule is None:
        return 0, dict.fromkeys(line.faults, line.units)
    rooms = dict(_rooms(line, line.rule, used))
    covered = min([line.units, *rooms.values()])
    _use(line, line.rule, covered, used)
    return covered, {reason: line.units - room for reason, room in rooms.items() if room < line.units}


def _rooms(line: _Line, rule: PlanRule, used: Counter[tuple[object, ...]]) -> Iterator[tuple[str, Units]]:
    if rule.day_cap is not None:
        yield "DAY_CAP", max(rule.day_cap - used[_day(line)], 0)
    if rule.prior_auth.mode != "none":
        free, left = _free(line, rule, used), _left(line, used)
        if line.authorisation is None:
            yield lacking(line.seat.coverage.all_authorisations(), line.code, line.day), free
        elif left is not None:
            yield "AUTH_UNITS_EXHAUSTED", free + left


def _free(line: _Line, rule: PlanRule, used: Counter[tuple[object, ...]]) -> Units:
    if rule.prior_auth.mode == "always":
        return 0
    return max(rule.prior_auth.free_units - used[_window(line, rule)], 0)


def _use(line: _Line, rule: PlanRule, covered: Units, used: Counter[tuple[object, ...]]) -> None:
    free = min(_free(line, rule, used), covered)
    used[_day(line)] += covered
    used[_window(line, rule)] += free
    used[_authorisation(line)] += covered - free


def _day(line: _Line) -> tuple[object, ...]:
    return "day", line.account(), line.day


def _authorisation(line: _Line) -> tuple[object, ...]:
    mine, chosen = line.seat.coverage, line.authorisation
    return "authorisation", mine.payer, mine.member_id, chosen and chosen.number


def _window(line: _Line, rule: PlanRule) -> tuple[object, ...]:
    """This will name the fiscal year a date falls in: the free units of each are counted anew."""
    began = line.day.strftime("%m-%d") >= rule.prior_auth.fiscal_year_start
    return "free", line.account(), line.day.year if began else line.day.year - 1


def _blank(line: _Line) -> Judgement:
    seat, mine, rule = line.seat, line.seat.coverage, line.rule
    start = Judgement(
        seat_id=seat.seat_id,
        coverage_id=mine.coverage_id,
        payer=mine.payer,
        plan_id=mine.plan_id,
        service_date=line.day,
    )
    if rule is None:
        return start
    service, remote = rule.service(), rule.remote(seat.modality)
    return replace(
        start,
        code=service.code,
        modifiers=service.modifiers_required + ((remote.modifier,) if remote and remote.modifier else ()),
        place_of_service=rule.place_of_service.get(seat.modality),
        rule_version=rule.version,
    )


def _left(line: _Line, used: Counter[tuple[object, ...]]) -> Units | None:
    """This will say how many units of the line's authorisation are left; None without a limit."""
    granted = line.authorisation.units if line.authorisation else None
    return None if granted is None else max(granted - used[_authorisation(line)], 0)


def _add(so_far: Judgement, line: _Line, covered: Units, denied: dict[str, Units], *, left: Units | None) -> Judgement:
    return replace(
        so_far,
        units_delivered=so_far.units_delivered + line.units,
        units_covered=so_far.units_covered + covered,
        authorisation=line.authorisation.number if line.authorisation else None,
        authorised_left=left,
        denied={reason: so_far.denied.get(reason, 0) + denied.get(reason, 0) for reason in {*so_far.denied, *denied}},
    )


def _mark_short(each: Judgement) -> Judgement:
    """This will say of a held seat without a unit, under a plan that counts units, that it was too short."""
    short = each.units_delivered == 0 and each.code is not None and not {"NO_SHOW", "NOT_HELD"} & each.denied.keys()
    return replace(each, denied={**each.denied, "UNDER_MIN_TIME": 0}) if short else each
