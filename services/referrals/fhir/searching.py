"""A FHIR search by a referrer, as what to look for; what we cannot search by is refused, with what we can."""

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.referrals.fhir.outcome import refuse
from services.referrals.fhir.reading import token
from services.referrals.rules.order import Identifier
from shared.places import named
from shared.sealed import seal, unseal

Kind = Literal["Task", "ServiceRequest"]
Between = tuple[datetime, datetime]
"""From (included) until (excluded)."""

USUAL, MOST = 50, 200
BEGIN, END = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
WRITTEN = re.compile(
    r"(eq|gt|lt|ge|le|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
IGNORED = {"_format", "_pretty", "_total", "_summary", "_elements", "_sort"}
"""What clients say of how they like an answer; ours is always the same."""

PARAMETERS: dict[Kind, dict[str, str]] = {
    "Task": {
        "_id": "token", "identifier": "token", "patient": "reference", "status": "token", "business-status": "token",
        "authored-on": "date", "_lastUpdated": "date", "focus": "reference", "owner": "reference",
    },
    "ServiceRequest": {
        "_id": "token", "identifier": "token", "patient": "reference", "status": "token", "authored": "date",
        "_lastUpdated": "date",
    },
}  # fmt: skip
"""By what one may search, and the type of each."""

SAME: dict[Kind, dict[str, str]] = {
    "Task": {"subject": "patient", "for": "patient", "authored": "authored-on"},
    "ServiceRequest": {"subject": "patient"},
}
AGAIN = {"authored-on", "authored", "_lastUpdated"}
"""What may be said twice, and means both."""

PAGE = "_page"
SEALED = "page of a search"
MOST_PARAMETERS, MOST_VALUES = 50, 100
INCLUDES = ("Task:focus", "Task:based-on")


@dataclass(kw_only=True)
class Search:
    """What is looked for: all lists are alternatives, and None is anything.

    `after` is where the page before ended; `owners` are the names an owner may have; `parameters` is how it was asked.
    """

    parameters: list[tuple[str, str]] = field(default_factory=list)

    ids: list[UUID] | None = None
    identifiers: list[Identifier] | None = None
    patients: list[Identifier] | None = None
    statuses: list[str] | None = None
    businesses: list[str] | None = None
    owners: list[str] | None = None
    arrived: list[Between] = field(default_factory=list)
    updated: list[Between] = field(default_factory=list)
    with_focus: bool = False
    count: int = USUAL
    after: tuple[datetime, UUID] | None = None

    @property
    def is_filter(self) -> bool:
        """This will say whether it depends on what may be seen, which the store does not know."""
        return not (self.statuses is self.businesses is self.owners is None)


def search(kind: Kind, parameters: list[tuple[str, str]], *, lenient: bool = False) -> Search:
    """This will read a search; Refused names the parameter. `lenient` passes over those that are none of ours."""
    pages = [value for name, value in parameters if name == PAGE]
    wanted = _opened(pages[0]) if pages else Search(parameters=parameters)
    if len(wanted.parameters) > MOST_PARAMETERS:
        raise refuse("too-long", "query", f"give at most {MOST_PARAMETERS} parameters", status=400)
    said: set[str] = set()
    for written, value in wanted.parameters:
        name, _, modifier = written.partition(":")
        name = SAME[kind].get(name, name)
        if name in IGNORED or not value:
            continue
        if name in said and name not in AGAIN:
            raise refuse("duplicate", f"query {name}", "give it once, with alternatives between commas", status=400)
        said.add(name)
        if name in _PAGING:
            _PAGING[name](wanted, value)
        elif _may_be_read(kind, name, modifier):
            values = value.split(",")
            if len(values) > MOST_VALUES:
                raise refuse("too-long", f"query {name}", f"give at most {MOST_VALUES} alternatives", status=400)
            _READ[name](wanted, values, f"query {name}")
        elif not lenient:
            raise refuse(
                "not-supported", f"query {named(written)}", f"search by {', '.join(PARAMETERS[kind])}", status=400
            )
    return wanted


def _may_be_read(kind: Kind, name: str, modifier: str) -> bool:
    as_type = PARAMETERS[kind].get(name)
    return bool(as_type) and (not modifier or (modifier == "identifier" and as_type == "reference"))


def _ids(wanted: Search, values: Sequence[str], _: str) -> None:
    found = [each for value in values if (each := as_uuid(value.rsplit("/", 1)[-1]))]
    wanted.ids = found if wanted.ids is None else [each for each in found if each in wanted.ids]


def as_uuid(written: str) -> UUID | None:
    """This will read an id, or give None where it is none of ours."""
    try:
        return UUID(written)
    except ValueError:
        return None


def _identifiers(wanted: Search, values: Sequence[str], at: str) -> None:
    wanted.identifiers = [token(each, at) for each in values]


def _patients(wanted: Search, values: Sequence[str], at: str) -> None:
    """This will take identifiers; what names a Patient of ours names nobody, for we show none."""
    written = [each for each in values if not each.startswith("Patient/")]
    if any("|" not in each for each in written):
        raise refuse("value", at, "name the person as system|value, as you did in the referral", status=400)
    wanted.patients = [token(each, at) for each in written]


def _codes(member: str) -> Callable[[Search, Sequence[str], str], None]:
    def read(wanted: Search, values: Sequence[str], _: str) -> None:
        setattr(wanted, member, [each.rsplit("/", 1)[-1].rsplit("|", 1)[-1] for each in values])

    return read


def _arrived(wanted: Search, values: Sequence[str], at: str) -> None:
    wanted.arrived.append(between(values, at))


def _updated(wanted: Search, values: Sequence[str], at: str) -> None:
    wanted.updated.append(between(values, at))


_READ = {
    "_id": _ids, "focus": _ids, "identifier": _identifiers, "patient": _patients, "status": _codes("statuses"),
    "business-status": _codes("businesses"), "owner": _codes("owners"), "authored-on": _arrived, "authored": _arrived,
    "_lastUpdated": _updated,
}  # fmt: skip


def between(values: Sequence[str], at: str) -> Between:
    """This will give the stretch of time that a parameter such as `ge2026-05` means; a time without zone is UTC."""
    found = WRITTEN.fullmatch(values[0]) if len(values) == 1 else None
    if not found:
        raise refuse("value", at, "write one date or time, for example ge2026-05-14", status=400)
    prefix, parts, zone = found[1] or "eq", [found[each] for each in range(2, 8)], found[8] or "+00:00"
    year, month, day, hour, minute, second = (int(each) if each else None for each in parts)
    try:
        low = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=UTC)
        low -= _offset(zone)
        high = min(_end(low, month, day, hour, second), END)
    except (ValueError, OverflowError):
        raise refuse("value", at, "there is no such day or time", status=400) from None
    stretches = {"eq": (low, high), "ge": (low, END), "gt": (high, END), "le": (BEGIN, high), "lt": (BEGIN, low)}
    return stretches[{"sa": "gt", "eb": "lt"}.get(prefix, prefix)]


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta()
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -ahead if zone[0] == "-" else ahead


def _end(low: datetime, month: int | None, day: int | None, hour: int | None, second: int | None) -> datetime:
    if second is not None:
        return low + timedelta(seconds=1)
    if hour is not None:
        return low + timedelta(minutes=1)
    if day is not None:
        return low + timedelta(days=1)
    if month is not None:
        return (low + timedelta(days=32)).replace(day=1)
    return (low + timedelta(days=367)).replace(month=1, day=1)


def _set_count(wanted: Search, value: str) -> None:
    if not re.fullmatch(r"\d{1,9}", value):
        raise refuse("value", "query _count", f"give a whole number up to {MOST}", status=400)
    wanted.count = min(int(value), MOST)


def _set_include(wanted: Search, value: str) -> None:
    if value not in INCLUDES:
        raise refuse("not-supported", "query _include", f"include {INCLUDES[0]}, or nothing", status=400)
    wanted.with_focus = True


_PAGING = {"_count": _set_count, "_include": _set_include}


def following(wanted: Search, after: tuple[datetime, UUID] | None) -> str:
    """This will give the same search from another place on, or from its beginning, sealed."""
    told = {"parameters": wanted.parameters, "after": [after[0].isoformat(), str(after[1])] if after else None}
    return base64.urlsafe_b64encode(seal(json.dumps(told).encode(), place=SEALED)).decode()


def _opened(page: str) -> Search:
    try:
        told = json.loads(unseal(base64.urlsafe_b64decode(page), place=SEALED))
    except ValueError:
        raise refuse("value", f"query {PAGE}", "follow the link `next` of the page before", status=400) from None
    parameters = [(name, value) for name, value in told["parameters"]]
    if told["after"] is None:
        return Search(parameters=parameters)
    moment, one = told["after"]
    return Search(parameters=parameters, after=(datetime.fromisoformat(moment), UUID(one)))


def documented(kind: Kind) -> list[Mapping[str, str]]:
    """This will list the parameters, for the CapabilityStatement."""
    return [{"name": name, "type": each} for name, each in PARAMETERS[kind].items()]
