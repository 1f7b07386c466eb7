"""What the matching service says: who may walk beside whom, who waits, and what is offered meanwhile."""

from typing import Literal
from uuid import UUID

from shared.events.fact import Fact, Instant, Minutes, Modality, Timer, Urgency, Value
from shared.events.referrals import ClockTime, Window

DeclineCode = Literal["time", "caseload", "conflict", "not_my_experience", "distance", "personal_limit"]
WaitsBecause = Literal["no_room", "no_fit", "below_floor", "offers_exhausted"]
BridgeKind = Literal["warm_line", "drop_in", "open_group", "online_community"]


class SupporterRegistered(Fact):
    """A supporter joined or changed; `public_name` is what people may be told (a first name).

    `organisation` registered them; it and their `hosts` may say who came to their sessions.
    """

    KEY = "supporter_id"
    supporter_id: UUID
    public_name: str
    site_id: str
    zone: str
    modalities: list[Modality]
    windows: list[Window]
    active: bool
    npi: str | None = None
    credential: str | None = None
    credential_to: str | None = None
    networks: list[str] = []
    volunteer: bool = False
    organisation: str | None = None
    hosts: list[str] = []


class OfferMade(Fact):
    """A supporter is asked whether they would walk beside a person; silence until `answer_by` is an expiry."""

    KEY = "person_id"
    offer_id: UUID
    referral_id: UUID
    person_id: UUID
    offering_id: UUID
    supporter_id: UUID
    answer_by: Instant


class OfferDeclined(Fact):
    """The supporter said no; no penalty, and the next is asked."""

    KEY = "person_id"
    offer_id: UUID
    referral_id: UUID
    person_id: UUID
    supporter_id: UUID
    code: DeclineCode


class OfferExpired(Fact):
    """The supporter did not answer in time; the next is asked."""

    KEY = "person_id"
    offer_id: UUID
    referral_id: UUID
    person_id: UUID
    supporter_id: UUID


class OfferFellDue(Timer):
    """The time to answer an offer is over (a timer: it rings, and the rule looks whether it still matters)."""

    KEY = "person_id"
    offer_id: UUID
    person_id: UUID


class ReferralWaitlisted(Fact):
    """Nobody free fits now; the person waits with a growing priority."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    reason: WaitsBecause


class BridgeOffered(Fact):
    """What is open to the person at once, so that nobody waits with nothing; `public_label` is neutral."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    kind: BridgeKind
    public_label: str


class Slot(Value):
    """A weekly meeting time both have free, in the person's zone: `weekday` 0 is Monday."""

    weekday: int
    start: ClockTime


class MatchMade(Fact):
    """A supporter said yes: a person and an offering belong together; `slots` are common times, best first."""

    KEY = "person_id"
    match_id: UUID
    offering_id: UUID
    person_id: UUID
    referral_id: UUID | None = None
    supporter_id: UUID | None = None
    site_id: str
    zone: str
    urgency: Urgency
    modality: Modality
    first_minutes: Minutes = 60
    minutes: Minutes = 50
    slots: list[Slot]
    made_at: Instant


class RoomFreed(Fact):
    """A supporter has room again: whoever waits may be served."""

    KEY = "supporter_id"
    supporter_id: UUID
    site_id: str
