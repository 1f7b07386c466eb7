"""A change of a Task by its referrer, as PUT, JSON Patch and merge patch write it: they may only take it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.referrals.fhir.links import model
from services.referrals.fhir.outcome import malformed, refuse
from services.referrals.fhir.words import Concept
from services.referrals.rules.journey import TAKEN_BACK, OrderStatus
from shared import strict_json
from shared.places import named

STATUSES: dict[str, OrderStatus] = {said: status for status, said in TAKEN_BACK.items()}
PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"
PATHS = ("/status", "/statusReason", "/statusReason/text")
MOST_REASON = 2_000


@dataclass(frozen=True)
class Change:
    """The status that is wanted, in FHIR's words, and the reason that was given, where it is not our own."""

    status: str
    reason: str = ""


@dataclass(frozen=True)
class TakenBack:
    """How a referral is taken back, and why."""

    status: OrderStatus
    reason: str


def put(raw: bytes, before: Mapping[str, Any]) -> Change:
    """This will read a whole Task, against what it said `before`; Refused where it is none, or another one."""
    content = _parsed(raw)
    if not isinstance(content, dict) or content.get("resourceType") != "Task":
        raise refuse("structure", "resourceType", "send the Task, with another status")
    if content.get("id") not in (None, before["id"]):
        raise refuse("invalid", "Task.id", "send the Task that the address names", status=400)
    return _change(content.get("status"), content.get("statusReason"), before, "Task")


def patched(raw: bytes, media: str, before: Mapping[str, Any]) -> Change:
    """This will read a JSON Patch (RFC 6902), or a merge patch (RFC 7396), of the status and its reason."""
    kind = media.split(";")[0].strip().lower()
    if kind not in (PATCH, MERGE, "application/json"):
        raise refuse("not-supported", "header Content-Type", f"send {PATCH} or {MERGE}", status=415)
    operations = _parsed(raw)
    if isinstance(operations, dict) and kind != PATCH:
        return _merged(operations, before)
    if kind == MERGE or not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        wanted = "an object with status (RFC 7396)" if kind == MERGE else "a list of operations (RFC 6902)"
        raise refuse("structure", "$", f"send {wanted}", status=400)
    told: dict[str, Any] = {}
    for index, each in enumerate(operations):
        if each.get("op") == "test" and each.get("path") == "/status":
            _hold(each.get("value"), before, f"$[{index}]")
        elif each.get("op") in ("replace", "add") and each.get("path") in PATHS:
            told[each["path"]] = each.get("value")
        else:
            raise refuse("not-supported", f"$[{index}]", "replace /status, and add /statusReason if you like")
    reason = told.get("/statusReason", {"text": told.get("/statusReason/text")})
    return _change(told.get("/status"), reason, before, "$")


def _merged(told: Mapping[str, Any], before: Mapping[str, Any]) -> Change:
    """This will read an object that holds what is to be changed, and nothing else; it may say what it is a part of."""
    same = {"resourceType", "id"}
    if strange := [each for each in told if each not in {"status", "statusReason"} | same]:
        raise refuse("not-supported", f"$.{named(strange[0])}", "change the status, and its statusReason if you like")
    if any(told[each] != before[each] for each in same & told.keys()):
        raise refuse("invalid", "$", "patch the Task that the address names", status=400)
    return _change(told.get("status"), told.get("statusReason"), before, "$")


def _hold(status: Any, before: Mapping[str, Any], at: str) -> None:
    if status != before["status"]:
        raise refuse("conflict", at, "the Task has another status: read it again", status=409)


def _parsed(raw: bytes) -> Any:
    try:
        return strict_json.parse(raw)
    except strict_json.Malformed as wrong:
        raise malformed(wrong) from None


def _change(status: Any, reason: Any, before: Mapping[str, Any], at: str) -> Change:
    if not isinstance(status, str):
        raise refuse("required", f"{at}.status", f"say the status: {' or '.join(STATUSES)}")
    if not reason or reason == before.get("statusReason"):
        return Change(status)
    # Whatever was given as a reason may hold words of danger: all of it is read.
    words = "\n".join(model(Concept, reason, f"{at}.statusReason").words())
    if len(words) > MOST_REASON:
        raise refuse("too-long", f"{at}.statusReason", f"give a reason of at most {MOST_REASON:,} letters")
    return Change(status, words)


def allowed(change: Change) -> TakenBack:
    """This will refuse what is not a referrer's to say: every other status is ours."""
    if change.status not in STATUSES:
        raise refuse("forbidden", "Task.status", f"you may set {' or '.join(STATUSES)}; every other status is ours")
    return TakenBack(STATUSES[change.status], change.reason)
