"""Who is referred in a measurement and who may support them: the world's own makers, with nobody spoilt or left out."""

import json
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from deploy.world import people, staff
from deploy.world.places import SITES
from shared import clock

POSTERS = ("riverside-hospital", "harbor-centre")
NEW_PEOPLE_EACH = 4
"""How many new people a supporter of the world takes on: a caseload of six, and a new person fills one and a half."""

SPARE = 1.5
"""Supporters for so many times the referrals, so that everybody finds somebody."""


def referrals(first: int, count: int, seed: int = 7) -> list[people.Person]:
    """`count` people whose numbers begin at `first`, each referred on the bus today, and rightly."""
    invented = people.population(count, seed)
    return [
        replace(
            each,
            number=first + place,
            phone=f"+1212{5_550_000 + first + place:07}",
            mishap="none",
            over="bus",
            organisation=POSTERS[place % len(POSTERS)],
            posted_at=clock.real(),
            discharged_on=None,
        )
        for place, each in enumerate(invented)
    ]


def body(person: people.Person) -> bytes:
    """A person's referral as it is posted."""
    return json.dumps(people.service_request(person)).encode()


def an_id(name: str) -> UUID:
    """An id that is the same for the same name."""
    return uuid5(NAMESPACE_URL, name)


def supporters(first: int, referred: int) -> list[dict[str, Any]]:
    """Supporters for so many referrals, who share experience, language and ways to meet with everybody."""
    count = max(8, round(referred / NEW_PEOPLE_EACH * SPARE))
    return [_for_anybody(first + place, each) for place, each in enumerate(staff.supporters(count, seed=7))]


def _for_anybody(number: int, one: dict[str, Any]) -> dict[str, Any]:
    languages = [{"code": "en", "level": "native"}, {"code": "es", "level": "fluent"}]
    paper = {**one["credential"], "valid_to": (clock.real().date() + timedelta(days=700)).isoformat()}
    return {
        **one,
        "supporter_id": str(an_id(f"bench supporter {number}")),
        "languages": languages,
        "challenges": sorted(people.CHALLENGES),
        "life_tags": list(people.TAGS),
        "credential": paper,
    }


def night(at: datetime | None = None) -> tuple[tuple[str, str], ...]:
    """Settings of the hours in which messages may go out, chosen so that none may now: planning alone is measured."""
    hours = {(at or clock.real()).astimezone(ZoneInfo(site.zone)).hour for site in SITES}
    first, last = (time(20), time(22)) if max(hours) < 18 else (time(1), time(3))
    names = ("ALONGSIDE_NOTIFICATIONS_QUIET_UNTIL", "ALONGSIDE_NOTIFICATIONS_QUIET_FROM")
    return tuple(zip(names, (first.isoformat(), last.isoformat()), strict=True))
