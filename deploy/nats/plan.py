"""Which streams and consumers exist and whose they are: the permissions and the topology are both read off this."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shared import names
from shared.programme import POSTS

REFERRAL, SUPPORTER, COVERED_SESSIONS = "referral", "supporter", "covered-sessions"
COVERAGE, AUTHORIZATION, ATTENDANCE = "coverage", "authorization", "attendance"

ASKS = {"payer": (COVERED_SESSIONS,)}
"""What an organisation of each kind may ask us."""

TAKES_IN = {
    REFERRAL: "referrals",
    SUPPORTER: "matching",
    COVERAGE: "scheduling",
    AUTHORIZATION: "scheduling",
    ATTENDANCE: "scheduling",
}
"""The service that takes in what organisations post."""

REPLIES_TO = {COVERED_SESSIONS: "scheduling"}
"""The service that replies to what organisations ask."""

ANSWERS = ("referrals", "matching", "scheduling")
"""The services that tell organisations what became of what they posted."""

SEALS = {"referrals": ("scheduling", "notifications")}
"""Which services say sealed facts, and for whom."""

STATUS_READER = "reader"
ADMIN = "admin"

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
KEPT = names.KEPT_DAYS * DAY
MIB = 1 << 20
GIB = 1 << 30

INTERNAL_BYTES, INGEST_BYTES, STATUS_BYTES, CLOCK_BYTES = 4 * GIB, 256 * MIB, 64 * MIB, MIB
MAX_FILE_STORE = 100 * GIB
"""Every stream reserves its `max_bytes` of this: room for about 250 organisations."""

ORGANISATION_MESSAGE_BYTES = 64 * 1024


class Organisation(Protocol):
    """What the broker has to know of an organisation."""

    @property
    def organisation_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def suspended(self) -> bool: ...
    @property
    def nkey_ends(self) -> Mapping[str, datetime]: ...


@dataclass(frozen=True)
class Stream:
    """A stream, and the fields of its configuration that are ours to decide."""

    name: str
    config: dict[str, Any]


@dataclass(frozen=True)
class Consumer:
    """A durable pull consumer, and the user (a service or an organisation) it belongs to."""

    stream: str
    name: str
    owner: str
    subjects: tuple[str, ...]
    limits: dict[str, Any] = field(default_factory=dict)


def refuse_unusable(organisations: Sequence[Organisation]) -> None:
    """This will raise ValueError for an id the broker cannot carry, an id used twice, or an unknown kind."""
    taken = {*names.SERVICES, ADMIN}
    for each in organisations:
        if not names.ORGANISATION.fullmatch(each.organisation_id):
            raise ValueError(f"Organisation id {each.organisation_id!r}: use a-z, 0-9 and inner hyphens, 40 at most.")
        if each.organisation_id in taken:
            raise ValueError(f"Organisation id {each.organisation_id!r} is used twice or is a service's name.")
        if each.kind not in POSTS:
            raise ValueError(f"Organisation {each.organisation_id!r}: kind is one of {', '.join(POSTS)}.")
        taken.add(each.organisation_id)


def streams(organisations: Sequence[Organisation]) -> list[Stream]:
    """This will list every stream: the speakers', the sealed one, the clock, and two per organisation."""
    spoken = [_internal(names.stream(each), f"{each}.>") for each in names.SERVICES]
    theirs = [each for one in organisations for each in (_ingest(one), _status(one))]
    return [*spoken, _internal(names.SEALED_STREAM, names.SEALED_SUBJECTS), _clock(), *theirs]


def consumers(organisations: Sequence[Organisation], *, shares: int = 1) -> list[Consumer]:
    """This will list every consumer: each service hears every speaker, and each organisation its own answers."""
    theirs = [each for one in organisations for each in (*_ingest_consumers(one), _status_consumer(one))]
    return [*_listeners(shares), *theirs]


def shares_of(shares: int) -> list[str]:
    """This will list the shares `0/n` to `n-1/n`."""
    return [f"{each}/{shares}" for each in range(shares)]


def posted_subjects(organisation: Organisation) -> list[str]:
    """This will list the subjects an organisation may post to."""
    return [names.ingest_subject(organisation.organisation_id, kind) for kind in POSTS[organisation.kind]]


def asked_subjects(organisation: Organisation) -> dict[str, str]:
    """This will map the subjects an organisation may ask on to the service that replies."""
    asked = ASKS.get(organisation.kind, ())
    return {names.query_subject(organisation.organisation_id, each): REPLIES_TO[each] for each in asked}


def _listeners(shares: int) -> Iterator[Consumer]:
    for listener in names.SERVICES:
        sealed = ["sealed"] if any(listener in heard for heard in SEALS.values()) else []
        for speaker in [*names.SERVICES, *sealed]:
            for share in shares_of(shares):
                yield Consumer(
                    stream=names.SEALED_STREAM if speaker == "sealed" else names.stream(speaker),
                    name=names.consumer(listener, speaker, share),
                    owner=listener,
                    subjects=tuple(names.heard_subjects(speaker, share, listener)),
                )


def _ingest_consumers(organisation: Organisation) -> Iterator[Consumer]:
    kinds = POSTS[organisation.kind]
    for service in dict.fromkeys(TAKES_IN[each] for each in kinds):
        theirs = [each for each in kinds if TAKES_IN[each] == service]
        yield Consumer(
            stream=names.ingest_stream(organisation.organisation_id),
            name=service,
            owner=service,
            subjects=tuple(names.ingest_subject(organisation.organisation_id, each) for each in theirs),
        )


def _status_consumer(organisation: Organisation) -> Consumer:
    return Consumer(
        stream=names.status_stream(organisation.organisation_id),
        name=STATUS_READER,
        owner=organisation.organisation_id,
        subjects=(names.status_subjects(organisation.organisation_id),),
        limits={"max_ack_pending": 1000, "max_waiting": 16, "max_batch": 500},
    )


def _internal(name: str, subjects: str) -> Stream:
    # discard new: a full stream refuses, and the outbox keeps what it holds; discard old would forget in silence.
    kept = {"discard": "new", "max_age": KEPT, "max_bytes": INTERNAL_BYTES, "max_msg_size": names.MESSAGE_BYTES}
    return _stream(name, subjects, **kept, allow_atomic=True, allow_direct=True)


def _ingest(organisation: Organisation) -> Stream:
    kept = {"discard": "new", "max_age": KEPT, "max_bytes": INGEST_BYTES}
    limits = {"max_msg_size": ORGANISATION_MESSAGE_BYTES, "duplicate_window": 3600 * SECOND}
    subjects = posted_subjects(organisation)
    return _stream(names.ingest_stream(organisation.organisation_id), *subjects, **kept, **limits)


def _status(organisation: Organisation) -> Stream:
    kept = {"discard": "old", "max_age": KEPT, "max_bytes": STATUS_BYTES}
    subjects = names.status_subjects(organisation.organisation_id)
    return _stream(names.status_stream(organisation.organisation_id), subjects, **kept)


def _clock() -> Stream:
    kept = {"discard": "old", "max_bytes": CLOCK_BYTES, "max_msgs_per_subject": 1}
    return _stream(names.CLOCK_STREAM, names.CLOCK_SUBJECT, **kept, allow_direct=True)


def _stream(name: str, *subjects: str, **fields: Any) -> Stream:
    given = {"name": name, "subjects": list(subjects), "storage": "file", "retention": "limits", **fields}
    return Stream(name=name, config=given)
