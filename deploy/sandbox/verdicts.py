"""What became of a message, in one word and in the words its sender gets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Verdict = Literal["refused", "declined", "danger", "task", "withdrawn", "known", "accepted", "sent"]
WORDS: dict[Verdict, str] = {
    "refused": "refused",
    "declined": "declined",
    "danger": "danger: a person first",
    "task": "task: a person asks",
    "withdrawn": "taken back",
    "known": "known already",
    "accepted": "accepted",
    "sent": "sent",
}
"""What is shown of each, the gravest first."""

BAD: tuple[Verdict, ...] = ("refused", "declined", "sent")
"""What becomes no referral to peer support, or is not known to become one."""

HELD = ("needs_screen", "needs_info")


@dataclass(frozen=True)
class Reply:
    """What a sender is answered: an HTTP status, MSA-1, or `status` for what is said on the bus; and the words."""

    status: str
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of one message: a verdict for each referral in it, or one that it is refused."""

    verdicts: Sequence[Verdict]
    reply: Reply
    reads: Sequence[Sequence[str]] = field(default=())
    asks: Sequence[str] = ()

    @property
    def gravest(self) -> Verdict:
        """This will give the verdict that counts."""
        return gravest(self.verdicts)


def gravest(some: Iterable[Verdict]) -> Verdict:
    """This will choose what to show of several."""
    order = list(WORDS)
    return min(some, key=order.index, default="refused")


def not_taken(status: str, words: Sequence[str]) -> Outcome:
    """This will give the outcome of a message that was answered with no: danger where it is kept, and nobody paged."""
    kept = any("the referral is kept" in each for each in words)
    return Outcome(["danger" if kept else "refused"], Reply(status, words))


def of_task(task: dict[str, Any], *, known: bool = False) -> Verdict:
    """This will give what a referral's Task says became of it."""
    business = task["businessStatus"]["coding"][0]["code"]
    if business == "crisis_review":
        return "danger"
    if business == "withdrawn":
        return "withdrawn"
    if business == "refused":
        return "declined"
    if business in HELD:
        return "task"
    return "known" if known else "accepted"


def words_of(resource: dict[str, Any]) -> list[str]:
    """This will give what a Task, a request or an OperationOutcome says to people."""
    if resource.get("resourceType") == "OperationOutcome":
        return [str(each.get("diagnostics", each.get("code", ""))) for each in resource.get("issue", [])]
    text = resource.get("businessStatus", {}).get("text", "")
    reason = resource.get("statusReason", {}).get("text", "")
    # A reason may begin with what the status says, and go on.
    said = [reason] if reason.startswith(text) else [text, reason]
    return [each for each in (*said, *(each["text"] for each in resource.get("note", []))) if each]


def ids_in(body: dict[str, Any]) -> list[UUID]:
    """This will give the ids of the referrals that an answer in FHIR names, each once."""
    if body["resourceType"] != "Bundle":
        return [UUID(body["id"])]
    entries = body.get("entry", [])
    resources = [each.get("resource", {}) for each in entries]
    inside = [each["id"] for each in resources if each.get("resourceType") == "Task"]
    places = [each.get("response", {}).get("location", "") for each in entries]
    named = [each.rpartition("/")[2] for each in places if each.startswith("ServiceRequest/")]
    return [UUID(each) for each in dict.fromkeys([*inside, *named])]
