"""How an insurer's own word counts beside what came with the referral: on each day, and where they contradict."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta

from services.scheduling.rules.plans import Plans
from services.scheduling.rules.seats import Coverage

MOST_DAYS = 5
"""A person who looks is told of so many days that differ; of the rest, how many."""


def _may_heed(coverage: Coverage, plans: Plans) -> bool:
    """This will say whether an insurer has a word in a coverage: not in what is kept from it."""
    return not coverage.restricted and coverage.plan_id not in plans.hidden()


def on(coverage: Coverage, day: date, plans: Plans) -> Coverage:
    """This will give a coverage as it counts on a day: about the days and the plan the insurer's own word decides."""
    if not coverage.is_told_of:
        return coverage
    if not _may_heed(coverage, plans):
        return replace(coverage, spans=None, authorisations=())
    if coverage.spans is None:
        return coverage
    span = next((each for each in coverage.spans if each.covers(day)), None)
    if span is None:
        return replace(coverage, covered_to=day - timedelta(days=1))
    return replace(coverage, plan_id=span.plan_id, covered_from=span.first, covered_to=span.last)


def contradictions(coverage: Coverage, days: Iterable[date], plans: Plans, *, today: date | None = None) -> list[str]:
    """This will say, for whoever looks, where an insurer takes away or changes what came with the referral.

    Where no day of a session differs, `today` is looked at, and not named: it would be another one every day.
    """
    if not _may_heed(coverage, plans):
        return []
    differ = [f"{day.isoformat()}: {words}" for day, words in _of_days(coverage, sorted(set(days)), plans)]
    if not differ and today:
        differ = [f"at present: {words}" for _, words in _of_days(coverage, [today], plans)]
    rest = [f"and {len(differ) - MOST_DAYS} days more"] if len(differ) > MOST_DAYS else []
    return [*differ[:MOST_DAYS], *rest, *_of_authorisation(coverage)]


def _of_days(coverage: Coverage, days: Iterable[date], plans: Plans) -> Iterator[tuple[date, str]]:
    for day in days:
        told = on(coverage, day, plans)
        if not coverage.covers(day) or (told.plan_id == coverage.plan_id and told.covers(day)):
            continue
        now = told.plan_id if told.covers(day) else "not covered"
        yield day, f"the referral says {coverage.plan_id}, the insurer says {now}"


def _of_authorisation(coverage: Coverage) -> Iterator[str]:
    """This will say where the insurer allows less than the referral says; to say more than it contradicts nothing."""
    mine, before = coverage.authorisation, coverage.authorised_units
    for each in coverage.authorisations:
        if each.number != mine or (each.counts and (before is None or each.units is None or each.units >= before)):
            continue
        said = "that it counts" if before is None else f"{before} units"
        now = f"{each.units} units" if each.counts else "that it does not count"
        yield f"authorisation {each.number}: the referral says {said}, the insurer says {now}"
