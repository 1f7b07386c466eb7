"""A referral in our own words: what every edge translates into (`application/vnd.alongside.referral.v1+json`)."""

import re
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from shared.events.fact import Instant, Urgency
from shared.events.referrals import Needs, Preferences

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(max_length=20_000)]
Risk = Literal["none", "flagged", "unknown"]
Channel = Literal["sms", "email", "voice"]
Purpose = Literal["treatment", "payment", "operations"]
Service = Literal["peer_support", "other"]
OUR_TIMES = range(1900, 9000)
"""Years that somebody means; before and after it, a date is how a system writes that it knows none."""
FEW, MANY, CONSENTS, NOTES = 50, 100, 20, 1_000
"""How many of a kind a referral has at most, so that no fact about it grows beyond what a message may be."""
EMAIL = re.compile(r"[^\s@,;<>\"()\[\]\\]{1,64}@[^\s@,;<>\"()\[\]\\]{1,190}")


@lru_cache(maxsize=1024)
def phone(written: str, region: str = "US") -> str | None:
    """This will give a number in E.164 form (`+15550100199`), or None where it cannot be dialled."""
    try:
        number = phonenumbers.parse(written[:40], region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(written: str) -> str | None:
    """This will give an address that reaches one mailbox, or None."""
    address = written.strip()
    return address if EMAIL.fullmatch(address) and address.isprintable() else None


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValueError("name an IANA zone, for example America/New_York") from None
    return name


class Part(BaseModel):
    """A part of a referral; what we do not know is refused, so that a misspelt member is never lost."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Identifier(Part):
    """A number somebody gave; `system` says who (a URI), and is empty where they did not say."""

    system: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    value: Text


class Reach(Part):
    """One way to reach a person; phone numbers are kept as E.164."""

    channel: Channel
    address: Text

    @model_validator(mode="after")
    def _dialled(self) -> "Reach":
        found = email(self.address) if self.channel == "email" else phone(self.address)
        if found is None:
            raise ValueError("send a number with its country code, or one e-mail address")
        object.__setattr__(self, "address", found)
        return self


class Person(Part):
    """Whom the referral is for."""

    identifiers: Annotated[list[Identifier], Field(max_length=FEW)] = []
    first_name: Text | None = None
    family_name: Text | None = None
    birth_date: date | None = None
    gender: Literal["male", "female", "other", "unknown"] | None = None
    deceased: bool = False
    languages: Annotated[list[Text], Field(max_length=MANY)] = []
    zone: Annotated[str, AfterValidator(_zone)] | None = None
    reaches: Annotated[list[Reach], Field(max_length=FEW)] = []


class Cover(Part):
    """An insurance as the referrer wrote it: `payer` and `plan` are names or numbers, to be found in the programme."""

    payer: Text | None = None
    plan: Text | None = None
    member_id: Text
    covered_from: date | None = None
    covered_to: date | None = None
    authorisation: Text | None = None
    authorised_units: Annotated[int, Field(ge=0, le=100_000)] | None = None


class Agreed(Part):
    """A consent that came with the referral; recipients are organisation ids or classes, as `ConsentGiven` has them."""

    recipients: Annotated[list[Text], Field(max_length=FEW)] = ["referrer"]
    purposes: Annotated[list[Purpose], Field(max_length=FEW)] = ["treatment"]
    part2: bool = False
    signed_at: Instant | None = None
    begins_at: Instant | None = None
    expires_at: Instant | None = None
    scope: Annotated[str, StringConstraints(max_length=500)] = ""


class ReferralOrder(Part):
    """One referral. Left out `risk` means "not screened"; left out `peer_support_consent` means "not said".

    `namespace` is what HL7 v2 calls whoever gave the identifier, besides its `system`. With `disclosure_denied` the
    person said that nobody may be told, whatever was agreed with the referrer.
    """

    identifier: Identifier | None = None
    namespace: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    status: Literal["active", "withdrawn", "entered_in_error", "completed"] = "active"
    service: Service = "peer_support"
    urgency: Urgency = "routine"
    authored_at: Instant | None = None
    discharged_on: date | None = None
    site: Text | None = None
    risk: Risk | None = None
    peer_support_consent: bool | None = None
    disclosure_denied: bool = False
    part2: bool = False
    person: Person
    needs: Needs = Field(default_factory=Needs)
    preferences: Preferences = Field(default_factory=Preferences)
    cover: Cover | None = None
    consents: Annotated[list[Agreed], Field(max_length=CONSENTS)] = []
    notes: Annotated[list[Note], Field(max_length=NOTES)] = []

    @field_validator("discharged_on", mode="after")
    @classmethod
    def _known(cls, day: date | None) -> date | None:
        return day if day and day.year in OUR_TIMES else None

    @field_validator("notes", mode="after")
    @classmethod
    def _said_something(cls, notes: list[str]) -> list[str]:
        return [each for each in notes if each.strip()]


@dataclass(frozen=True)
class Posted:
    """One referral of a post; `unless` is the identifier of a conditional create, `entry` its place in a Bundle.

    `known` is our own number for it, where its sender used that.
    """

    order: ReferralOrder
    unless: Identifier | None = None
    entry: int = 0
    known: UUID | None = None


@dataclass(frozen=True)
class Reading:
    """Everything in one post: its referrals, and of a Bundle its type and how many entries it had.

    `tasks` gives, by the place of a request, the places of the Tasks that ask for it; `message_id` is a message's own.
    `marked` is the place that says of it that it is a test.
    """

    posted: list[Posted]
    entries: int = 0
    bundle: str = ""
    tasks: dict[int, list[int]] = field(default_factory=dict)
    message_id: str = ""
    marked: str = ""
