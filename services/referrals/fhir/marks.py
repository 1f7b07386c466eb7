"""Where FHIR says that it is a test: HTEST in `meta.security` of what is posted, or of a request or person in it."""

from collections.abc import Iterator
from typing import Any

from services.referrals.fhir.outcome import TEST_LABEL

SAYING = ("Bundle", "Task", "ServiceRequest", "Patient")
SYSTEMS = (None, "", TEST_LABEL["system"])


def marked(content: dict[str, Any]) -> str:
    """This will give the first place that says it is a test; nothing where none does."""
    return next((f"{path}.meta.security" for path, each in _resources(content) if _is_marked(each)), "")


def _resources(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """This will give what was posted, and what it holds, each with its path."""
    path = str(content.get("resourceType"))
    found = [(path, content)]
    for index, entry in enumerate(_objects(content.get("entry"))):
        found += [(f"Bundle.entry[{index}].resource", each) for each in _objects(entry.get("resource"))]
    for path, each in found:
        yield path, each
        inside = enumerate(_objects(each.get("contained")))
        yield from ((f"{path}.contained[{index}]", one) for index, one in inside)


def _objects(written: Any) -> list[dict[str, Any]]:
    """This will give the objects of a list, or the one that stands in its place."""
    return [each if isinstance(each, dict) else {} for each in (written if isinstance(written, list) else [written])]


def _is_marked(resource: dict[str, Any]) -> bool:
    if resource.get("resourceType") not in SAYING:
        return False
    labels = [label for meta in _objects(resource.get("meta")) for label in _objects(meta.get("security"))]
    return any(each.get("code") == TEST_LABEL["code"] and each.get("system") in SYSTEMS for each in labels)
