"""What a partner is told about bad input: the place in what they sent and the remedy, never the value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.places import MOST, remedy_of, where_of
from shared.strict_json import Malformed, TooLarge

Code = Literal[
    "structure", "value", "required", "invalid", "not-supported", "not-found", "login", "forbidden", "too-long",
    "code-invalid", "duplicate", "processing", "conflict", "business-rule", "throttled",
    "transient", "no-store", "exception", "timeout",
]  # fmt: skip
CODES: dict[str, Code] = {
    "missing": "required", "literal_error": "code-invalid", "extra_forbidden": "structure", "too_long": "too-long",
    "string_too_long": "too-long", "unknown_code": "code-invalid",
}  # fmt: skip
STATUS_CODES: dict[int, Code] = {
    400: "structure", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 413: "too-long",
    408: "timeout", 415: "not-supported", 422: "invalid", 429: "throttled",
}  # fmt: skip


AGAIN_SECONDS = 30
"""After how long to send again what could not be taken in, or is kept and heard by nobody."""
TEST_LABEL = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong: `expression` is the element's path, `remedy` what to do about it."""

    code: Code
    expression: str
    remedy: str


class Refused(Exception):
    """What was posted cannot be read as a referral; `status` is the HTTP status it is answered with."""

    def __init__(self, status: int, issues: Sequence[Issue]) -> None:
        super().__init__(f"{status} at {', '.join(each.expression for each in issues)}")
        self.status, self.issues = status, tuple(issues)


class Kept(Refused):
    """What was posted is kept, and accounted for, though what was asked for is not done."""


class Unheard(Kept):
    """Nobody can be paged about the danger in what was posted: who sent it must not wait for us."""


def refuse(code: Code, expression: str, remedy: str, *, status: int = 422) -> Refused:
    """This will make a refusal with one issue."""
    return Refused(status, [Issue(code, expression, remedy)])


def away() -> Refused:
    """This will say that nothing could be taken in now, and what to do where it cannot wait."""
    again = f"nothing was taken in: send it again in {AGAIN_SECONDS} seconds"
    return refuse("no-store", "", f"{again}; if somebody may be in danger now, call 911, or text 988", status=503)


def malformed(wrong: Malformed) -> Refused:
    """This will tell what the JSON reader refused."""
    if isinstance(wrong, TooLarge):
        return refuse("too-long", wrong.where, wrong.remedy, status=413)
    return refuse("structure", wrong.where, wrong.remedy, status=400)


def invalid(errors: Sequence[Any], at: str = "") -> Refused:
    """This will tell what pydantic refused in what is at path `at`."""
    some = errors[:MOST]
    return Refused(422, [Issue(CODES.get(each["type"], "value"), where_of(each, at), remedy_of(each)) for each in some])


def labelled(*, test: bool) -> dict[str, Any]:
    """This will give what a `meta` says of what came from an organisation for tests; nothing of anything else."""
    return {"security": [TEST_LABEL]} if test else {}


def outcome(issues: Sequence[Issue], *, test: bool = False) -> dict[str, Any]:
    """This will give the FHIR OperationOutcome, labelled where it is told to an organisation for tests."""
    return {
        "resourceType": "OperationOutcome",
        **({"meta": labelled(test=True)} if test else {}),
        "issue": [
            {
                "severity": "error",
                "code": each.code,
                "diagnostics": f"{each.expression}: {each.remedy}" if each.expression else each.remedy,
                **({"expression": [each.expression]} if each.expression else {}),
            }
            for each in issues
        ],
    }
