"""Follows references inside a post: `#id` to what is contained, urn:uuid and `Type/id` to a Bundle's entries."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from services.referrals.fhir.outcome import invalid, refuse
from services.referrals.fhir.words import Element, Reference

R = TypeVar("R", bound=Element)


def model(kind: type[R], raw: Any, path: str) -> R:
    """This will read one resource or element; Refused with the element's path where it is wrong."""
    try:
        return kind.model_validate(raw)
    except ValidationError as wrong:
        raise invalid(wrong.errors(), path) from None


@dataclass(frozen=True)
class Found:
    """A resource in what was posted: its FHIR type, where it is, and the names it is referred to by."""

    kind: str
    path: str
    raw: dict[str, Any]
    names: tuple[str, ...]
    contained: bool = False

    def read(self, kind: type[R]) -> R:
        """This will read it as the given kind."""
        return model(kind, self.raw, self.path)


class Links:
    """Everything that came along with a request."""

    def __init__(self, found: Iterable[Found]) -> None:
        self._found = list(found)
        self._by_name: dict[str, Found] = {}
        for each in self._found:
            for name in each.names:
                if name in self._by_name:
                    raise refuse("duplicate", each.path, "give every resource its own id; two share one")
                self._by_name[name] = each

    def resolve(self, reference: Reference | None, kind: str) -> Found | None:
        """This will give the resource of a kind that a reference names, if it came along."""
        written = reference.reference if reference else None
        if not written:
            return None
        whole = self._named(written)
        return whole if whole and whole.kind == kind else None

    def all(self, kind: str) -> list[Found]:
        """This will list the resources of a kind."""
        return [each for each in self._found if each.kind == kind]

    def about(self, kind: str, member: str, patient: Found | None) -> list[Found]:
        """This will list the resources of a kind whose `member` refers to the patient.

        What refers to nobody we know is theirs too where it is contained, or where they are the only patient.
        """
        alone = len(self.all("Patient")) <= 1
        return [each for each in self.all(kind) if self._is_about(each, member, patient, alone)]

    def _is_about(self, each: Found, member: str, patient: Found | None, alone: bool) -> bool:
        named = each.raw.get(member)
        written = named.get("reference") if isinstance(named, dict) else None
        found = self._named(written) if isinstance(written, str) else None
        return found is patient if found else alone or each.contained

    def _named(self, written: str) -> Found | None:
        return self._by_name.get(written) or self._by_name.get("/".join(written.split("/")[-2:]))


def contained_in(contained: list[dict[str, Any]], path: str) -> list[Found]:
    """This will name what a resource contains."""
    found = []
    for index, raw in enumerate(contained):
        kind, local = raw.get("resourceType"), raw.get("id")
        names = (f"#{local.lstrip('#')}",) if isinstance(local, str) and local else ()
        found.append(Found(kind if isinstance(kind, str) else "", f"{path}.contained[{index}]", raw, names, True))
    return found
