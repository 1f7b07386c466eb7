"""Every stream, subject, consumer and header name, derived here and typed nowhere else."""

import re
from hashlib import blake2b

PARTITIONS = 8
SERVICES = ("referrals", "matching", "scheduling", "notifications")
SEALED_STREAM, SEALED_SUBJECTS = "SEALED", "sealed.>"
CLOCK_STREAM = "CLOCK"
CLOCK_SUBJECT = "clock.now.v1"

EVENT_ID, EVENT_TYPE, EVENT_SOURCE, EVENT_TIME, EVENT_KEY = "ce-id", "ce-type", "ce-source", "ce-time", "ce-subject"
SPEC_VERSION, KEY_VERSION, OPENS, PRECEDED = "ce-specversion", "ce-sequence", "ce-opens", "ce-preceded"
TRACE = "traceparent"

KEPT_DAYS = 30
"""How long streams keep what was said to them, and outboxes what they have sent."""

MESSAGE_BYTES = 256 * 1024
"""The most that the broker takes of a service in one message, envelope and body."""


def kebab(words: str) -> str:
    """This will turn `MatchMade` into `match-made`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", words).lower()


def partition(key: str) -> int:
    """This will say which of the eight partitions an ordering key belongs to, the same in every process."""
    return int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big") % PARTITIONS


def address(speaker: str, fact: str, version: int, sealed_for: str | None = None) -> str:
    """This will give a subject but its partition: `matching.match-made.v1`, `sealed.scheduling.coverage-shared.v1`."""
    return f"{f'sealed.{sealed_for}' if sealed_for else speaker}.{fact}.v{version}"


def stream(speaker: str) -> str:
    """This will name the stream that keeps what a service says: `MATCHING`."""
    return speaker.upper()


def consumer(listener: str, speaker: str, share: str = "0/1") -> str:
    """This will name a listener's durable consumer on a speaker's stream: `scheduling-on-matching-0of1`."""
    return f"{listener}-on-{speaker}-{share.replace('/', 'of')}"


def partitions_of(share: str) -> list[int]:
    """This will list the partitions of a share written `i/n`; it raises ValueError for anything else."""
    found = re.fullmatch(r"(\d+)/(\d+)", share)
    if not found or not 0 <= int(found[1]) < int(found[2]) <= PARTITIONS:
        raise ValueError(f"A share is written i/n with 0 <= i < n <= {PARTITIONS}, for example 0/2, not {share!r}.")
    return [each for each in range(PARTITIONS) if each % int(found[2]) == int(found[1])]


def is_whole(share: str) -> bool:
    """This will say whether a share is all there is, so that nobody else works on the store."""
    return share.endswith("/1")


def heard_subjects(speaker: str, share: str = "0/1", listener: str | None = None) -> list[str]:
    """This will list the subjects a share of a listener reads: a speaker's own, or the listener's sealed ones."""
    room = f"sealed.{listener}" if speaker == "sealed" else speaker
    if is_whole(share):
        return [f"{room}.>"]
    return [f"{room}.*.*.{each}" for each in partitions_of(share)]


def ingest_stream(organisation: str) -> str:
    """This will name the stream of what an organisation posts: `IN_general-hospital`."""
    return f"IN_{organisation}"


def ingest_subject(organisation: str, kind: str) -> str:
    """This will name the subject an organisation posts to: `ingest.general-hospital.referral.v1`."""
    return f"ingest.{organisation}.{kind}.v1"


def media_type(kind: str) -> str:
    """This will name our own JSON about a kind of thing: `application/vnd.alongside.referral.v1+json`."""
    return f"application/vnd.alongside.{kind}.v1+json"


def status_stream(organisation: str) -> str:
    """This will name the stream an organisation reads its answers from: `STATUS_general-hospital`."""
    return f"STATUS_{organisation}"


def status_subject(organisation: str, kind: str) -> str:
    """This will name the subject an organisation's answers are said on: `status.general-hospital.referral.v1`."""
    return f"status.{organisation}.{kind}.v1"


def status_subjects(organisation: str) -> str:
    """This will match every answer to an organisation: `status.general-hospital.>`."""
    return f"status.{organisation}.>"


def status_type(kind: str) -> str:
    """This will give the CloudEvents type of an answer to an organisation: `status.referral.v1`."""
    return f"status.{kind}.v1"


def query_subject(payer: str, question: str) -> str:
    """This will name the subject a payer asks on: `query.garden-health.covered-sessions.v1`."""
    return f"query.{payer}.{question}.v1"


def port(service: str, base: int = 8000) -> int:
    """This will give the port a service listens on: `base` + 1 for the first."""
    return base + 1 + SERVICES.index(service)


ORGANISATION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""An organisation's id: it becomes part of subjects and stream names, so only these characters."""
