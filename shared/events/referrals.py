"""What the referrals service says: who was referred, with what needs, and what the consent allows."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.events.fact import Fact, Instant, Modality, Timer, Urgency, Value

AgeBand = Literal["child", "12-14", "15-17", "18-25", "adult", "older_adult"]
Scale = Annotated[int, Field(ge=1, le=5)]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Window(Value):
    """A weekly stretch of local wall time: `weekday` 0 is Monday; `start` and `end` are HH:MM, end excluded."""

    weekday: Annotated[int, Field(ge=0, le=6)]
    start: ClockTime
    end: ClockTime


class Needs(Value):
    """What the person lives with and hopes for; empty lists mean "did not say".

    Challenges are codes such as `depression` or `alcohol`; docs/fhir-extensions.md tells the codes of the rest.
    """

    challenges: list[str] = []
    life_tags: list[str] = []
    pathway: str | None = None
    goals: list[str] = []


class Preferences(Value):
    """What the person asked for. `must_*` are conditions, the rest wishes; None or empty means "did not say"."""

    languages: list[str] = ["en"]
    interpreter_ok: bool = False
    modalities: list[Modality] = ["in_person", "video", "audio"]
    must_gender: str | None = None
    gender: str | None = None
    age_near: int | None = None
    communities: list[str] = []
    directness: Scale | None = None
    structure: Scale | None = None
    windows: list[Window] = []


class ReferralAccepted(Fact):
    """A screened, consented referral that may be matched; it carries no name and no way to reach the person."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    organisation: str
    site_id: str
    zone: str
    urgency: Urgency
    arrived_at: Instant
    age_band: AgeBand
    needs: Needs
    preferences: Preferences
    funded: bool
    part2: bool


class ReferralAmended(Fact):
    """What a referrer told later of a referral that was accepted: how urgent it is, and whether it is protected, now.

    `part2` (42 CFR Part 2) is never taken off again.
    """

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    urgency: Urgency
    part2: bool


class ReferralHeld(Fact):
    """A referral that waits for a person at the programme before anything else may happen."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    site_id: str
    state: Literal["crisis_review", "needs_screen", "needs_info"]


class CrisisRaised(Fact):
    """Somebody may be in danger: the on-call person of the site is to be paged at once."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    site_id: str
    raised_at: Instant


class CrisisAcknowledged(Fact):
    """A named person took a danger sign in hand, the one raised at `raised_at`: nobody else needs to be paged."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    raised_at: Instant
    acknowledged_by: str
    acknowledged_at: Instant


class RiskCleared(Fact):
    """A named person looked at the risk and let the referral go on, with its original arrival time."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    cleared_by: str
    cleared_at: Instant


class ReferralRefused(Fact):
    """A well-formed referral this programme cannot take; the referrer is told why and where else."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    reason: Literal["not_peer_support", "no_consent", "age", "entered_in_error", "withdrawn"]


class ReferralClosed(Fact):
    """A named person at the programme ended a referral before anybody walked beside the person, and why."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    reason: Literal["declined", "unreachable", "no_place", "ineligible", "transferred", "deceased"]


class ReferralLinked(Fact):
    """The person goes on with something they were pointed to, before anybody walked beside them; with what, it omits.

    It is no visit: nobody attended anything, and nothing is covered.
    """

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID


class ConsentGiven(Fact):
    """The person agreed that `discloser` may tell `recipients` for `purposes`, until `expires_at` or revoked.

    Recipients are organisation ids or the classes `referrer`, `payer`, `supporter`, `treating_providers`; purposes are
    `treatment`, `payment`, `operations`.
    """

    KEY = "person_id"
    consent_id: UUID
    person_id: UUID
    discloser: str
    recipients: list[str]
    purposes: list[str]
    part2: bool
    signed_at: Instant
    expires_at: Instant | None = None
    scope: str = ""


class ConsentRevoked(Fact):
    """The person took a consent back; what was told stays told, the next telling stops."""

    KEY = "person_id"
    consent_id: UUID
    person_id: UUID
    revoked_at: Instant


class PersonLinked(Fact):
    """Whom a person is one human being with, as a named person at the programme found: everybody with this `same_as`.

    It says what now holds, also where a link was wrong: whoever is alone stands for themselves.
    """

    KEY = "person_id"
    person_id: UUID
    same_as: UUID
    found_at: Instant


class Reach(Value):
    """One consented way to reach a person."""

    channel: Literal["sms", "email", "voice"]
    address: str
    consented_at: Instant


class ContactShared(Fact):
    """How to reach a person, for the notifications service alone.

    `learnt_at` says that somebody at the programme learnt it from them, when: no referrer knows it better later.
    """

    KEY = "person_id"
    SEALED_FOR = "notifications"
    person_id: UUID
    site_id: str
    first_name: str | None = None
    language: str = "en"
    zone: str
    reaches: list[Reach]
    learnt_at: Instant | None = None


class CoverageShared(Fact):
    """Who insures a person, for the scheduling service alone; `birth_date` is ISO 8601 (YYYY-MM-DD).

    `diagnosis_class` is `sud`, `mh` or `cooccurring`; `ordered_on` is the date of a practitioner's order;
    `authorised_units` belongs to `authorisation`.
    """

    KEY = "person_id"
    SEALED_FOR = "scheduling"
    person_id: UUID
    referral_id: UUID
    payer: str
    plan_id: str
    member_id: str
    birth_date: str
    diagnosis_class: Literal["sud", "mh", "cooccurring"] | None = None
    covered_from: str | None = None
    covered_to: str | None = None
    ordered_on: str | None = None
    authorisation: str | None = None
    authorised_units: int | None = None
    restricted: bool = False


class NotifySubscriber(Fact):
    """An organisation's own endpoint is to be called (an errand: an intent of this service, never said); ids only."""

    KEY = "subscription_id"
    subscription_id: UUID
    turn: Annotated[int, Field(ge=1)]


class OutcomeFellDue(Timer):
    """A referral of an organisation for tests is to take its next step, counted from 0 (a timer, never said)."""

    KEY = "referral_id"
    referral_id: UUID
    step: Annotated[int, Field(ge=0)]


class SubscriptionFellDue(Timer):
    """A subscription is to be looked at: something happened, or a call is to be tried again (a timer, never said)."""

    KEY = "subscription_id"
    subscription_id: UUID


class ReferralFellDue(Timer):
    """The clock of a referral may have run out (a timer: it rings, and the rule looks whether it still matters)."""

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID


class ComparisonFellDue(Timer):
    """The person of a referral is to be compared with people known from elsewhere (a timer, never said).

    `besides` are those whom the referrer's own numbers for the person point to as well.
    """

    KEY = "person_id"
    referral_id: UUID
    person_id: UUID
    besides: list[UUID] = []
