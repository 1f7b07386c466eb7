"""Follows references inside a post: `#id` to what is contained, urn:uuid and `Type/id` to a Bundle's entries."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from services.referrals.fhir.outcome import invalid, refuse
from services.referrals.fhir.words import Element, Reference

R = TypeVar("R", bound=Element)
T = TypeVar("T")


def model(kind: type[R], raw: Any, path: str) -> R:
    """This will read one resource or element; Refused with the element's path where it is wrong."""
    try:
        return kind.model_validate(raw)
    except ValidationError as wrong:
        raise invalid(wrong.errors(), path) from None


@dataclass(frozen=True, eq=False)
class Found:
    """A resource in what was posted: its FHIR type, where it is, and the names it is referred to by.

    It is read once, however many requests refer to it.
    """

    kind: str
    path: str
    raw: dict[str, Any]
    names: tuple[str, ...]
    contained: bool = False
    _read: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def read(self, kind: type[R]) -> R:
        """This will read it as the given kind."""
        read: R = _kept(self._read, kind, lambda: model(kind, self.raw, self.path))
        return read

    def once(self, reader: "Callable[[Found], T]") -> T:
        """This will give what a reader makes of it."""
        made: T = _kept(self._read, reader, lambda: reader(self))
        return made


def _kept(kept: dict[Hashable, Any], key: Hashable, make: Callable[[], Any]) -> Any:
    if key not in kept:
        kept[key] = make()
    return kept[key]


class Links:
    """Everything that came along: what a request contains, and `beyond` it what its Bundle holds for all requests."""

    def __init__(self, found: Iterable[Found], beyond: "Links | None" = None) -> None:
        self._beyond = beyond
        self._by_kind: defaultdict[str, list[Found]] = defaultdict(list)
        self._by_name: dict[str, Found] = {}
        self._told: dict[Hashable, Any] = {}
        for each in found:
            self._by_kind[each.kind].append(each)
            for name in each.names:
                if self._exactly(name):
                    raise refuse("duplicate", each.path, "give every resource its own id; two share one")
                self._by_name[name] = each

    def resolve(self, reference: Reference | None, kind: str) -> Found | None:
        """This will give the resource of a kind that a reference names, if it came along."""
        written = reference.reference if reference else None
        if not written:
            return None
        whole = self._named(written)
        return whole if whole and whole.kind == kind else None

    def patients(self) -> list[Found]:
        """This will list the patients."""
        return [*(self._beyond.patients() if self._beyond else []), *self._by_kind["Patient"]]

    def told(self, kind: str, member: str, patient: Found | None, reader: Callable[[Found], T]) -> list[T]:
        """This will read the resources of a kind whose `member` refers to the patient.

        What refers to nobody we know is theirs too where it is contained, or where they are the only patient.
        """
        alone = len(self.patients()) <= 1
        names = patient.names if patient else ()
        shared = self._beyond._told_of(kind, member, names, alone, reader) if self._beyond else []
        own = [each for each in self._by_kind[kind] if self._is_about(each, member, patient, alone)]
        return [*shared, *(reader(each) for each in own)]

    def _told_of(
        self, kind: str, member: str, names: tuple[str, ...], alone: bool, reader: Callable[[Found], T]
    ) -> list[T]:
        """This will read, once for all requests that ask it, what is about whoever has one of these names."""
        known = tuple(each for each in names if each in self._by_name) if alone else names
        told: list[T] = _kept(
            self._told,
            (kind, member, known, alone, reader),
            lambda: [reader(each) for each in self._about(kind, member, known, alone)],
        )
        return told

    def _about(self, kind: str, member: str, names: tuple[str, ...], alone: bool) -> list[Found]:
        if alone:
            every = [(self._whom(each, member), each) for each in self._by_kind[kind]]
            return [each for whom, each in every if whom in names or whom not in self._by_name]
        groups = _kept(self._told, (kind, member), lambda: self._grouped(kind, member))
        return [each for name in names for each in groups.get(name, [])]

    def _grouped(self, kind: str, member: str) -> dict[str, list[Found]]:
        groups: dict[str, list[Found]] = {}
        for each in self._by_kind[kind]:
            groups.setdefault(self._whom(each, member), []).append(each)
        return groups

    def _whom(self, each: Found, member: str) -> str:
        """This will give the first name of what a resource refers to; what it wrote, where nothing has that name."""
        written = _written(each, member)
        found = self._named(written)
        return found.names[0] if found else written

    def _is_about(self, each: Found, member: str, patient: Found | None, alone: bool) -> bool:
        found = self._named(_written(each, member))
        return found is patient if found else alone or each.contained

    def _named(self, written: str) -> Found | None:
        return self._exactly(written) or self._exactly("/".join(written.rsplit("/", 2)[-2:]))

    def _exactly(self, name: str) -> Found | None:
        return self._by_name.get(name) or (self._beyond._exactly(name) if self._beyond else None)


def _written(each: Found, member: str) -> str:
    named = each.raw.get(member)
    written = named.get("reference") if isinstance(named, dict) else None
    return written if isinstance(written, str) else ""


def contained_in(contained: list[dict[str, Any]], path: str) -> list[Found]:
    """This will name what a resource contains."""
    found = []
    for index, raw in enumerate(contained):
        kind, local = raw.get("resourceType"), raw.get("id")
        names = (f"#{local.lstrip('#')}",) if isinstance(local, str) and local else ()
        found.append(Found(kind if isinstance(kind, str) else "", f"{path}.contained[{index}]", raw, names, True))
    return found
