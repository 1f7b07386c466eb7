"""One deployment is one programme: its sites, and the organisations that refer to it, pay it, or work in it."""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from shared import names

Kind = Literal["hospital", "clinic", "community", "payer", "agency"]

POSTS: dict[str, tuple[str, ...]] = {
    "hospital": ("referral",),
    "clinic": ("referral",),
    "community": ("referral", "attendance"),
    "payer": ("referral", "coverage", "authorization"),
    "agency": ("referral", "supporter", "attendance"),
}
"""What an organisation of each kind may post, on `ingest.<organisation>.<what>.v1`."""

FOR_TESTS: tuple[Kind, ...] = ("hospital", "clinic", "community")
"""The kinds of which an organisation may be for tests: what others do touches people in any case."""

SUSPENDED = "your organisation is suspended: ask the programme why; what you referred before goes on"
"""What an organisation is told that is not let in."""


def _known_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be an IANA time zone, for example America/New_York") from None
    return zone


Zone = Annotated[str, AfterValidator(_known_zone)]
OrganisationId = Annotated[str, Field(pattern=f"^{names.ORGANISATION.pattern}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A wall time `HH:MM`, 00:00 to 23:59."""

KeyHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
UserKey = Annotated[str, Field(pattern="^U[A-Z2-7]{55}$")]
"""A public NATS nkey of a user."""

State = Annotated[str, Field(pattern="^[A-Z]{2}$")]
"""A US state by its two letters."""

AgeOfConsent = Annotated[int, Field(ge=12, le=18)]
Weekday = Annotated[int, Field(ge=0, le=6)]
"""0 is Monday."""


class Part(BaseModel):
    """A part of the programme file: what it does not know is a mistake, and said before anything starts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Door(Part):
    """Something that asks for no appointment: when it is open, by language, and how to get there or ring it."""

    hours: Annotated[dict[Text, Text], Field(min_length=1)]
    phone: Text | None = None
    place: Text | None = None


class StepIn(Part):
    """What somebody may begin with who wants no supporter of their own yet, the lightest first; all neutral words."""

    warm_line: Door | None = None
    drop_in: Door | None = None
    group: Door | None = None

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if self.warm_line and not self.warm_line.phone:
            raise ValueError("warm_line.phone must be the number that is rung")
        if self.drop_in and not self.drop_in.place:
            raise ValueError("drop_in.place must say where it is")
        if self.group and not (self.group.place or self.group.phone):
            raise ValueError("group must say its place, or the phone to ask at")
        return self


class Site(Part):
    """A place of the programme: its zone, its business calendar, and the words people there may be told."""

    site_id: Text
    public_name: Text
    zone: Zone = "America/New_York"
    phone: Text
    emergency_words: Annotated[dict[Text, Text], Field(min_length=1)] = {
        "en": "If you are in danger now call 911. To talk to someone day or night call or text 988.",
        "es": "Si está en peligro ahora llame al 911. Para hablar con alguien a toda hora llame o escriba al 988.",
    }
    opens: ClockTime = "09:00"
    closes: ClockTime = "17:00"
    workdays: Annotated[list[Weekday], Field(min_length=1)] = [0, 1, 2, 3, 4]
    holidays: list[date] = []
    on_call: str = ""
    escalates_to: Annotated[list[Text], Field(max_length=2)] = []
    region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    state: State | None = None
    step_in: StepIn = StepIn()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("closes must be later than opens, on the same day")
        if self.escalates_to and not self.on_call:
            raise ValueError("escalates_to needs an on_call before it")
        return self

    def pager(self, step: int) -> str:
        """This will give the address that is paged at a step, 1 the first; the last one is paged again after it."""
        ladder = [self.on_call, *self.escalates_to]
        return ladder[min(step, len(ladder)) - 1]


MOST_KEYS = 20
"""How many public keys an organisation has at most."""


class Keys(BaseModel):
    """A JWK Set: what else an organisation writes into it is left as it is."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
    keys: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_KEYS)]

    @model_validator(mode="after")
    def _only_public(self) -> Self:
        for each in self.keys:
            if "d" in each or each.get("kty") not in ("EC", "RSA"):
                raise ValueError("must hold public keys of type EC or RSA only: a private key is never sent to anybody")
        return self


class Organisation(Part):
    """Somebody who plugs in; `key_hashes` are SHA-256 digests (hex) of the API keys it may use.

    `jwks` are its public keys (RFC 7517), with which it asks for access tokens, `jwks_url` is where it keeps them.

    `screens_before_referring` is the agreement that a referral without a risk answer was screened;
    `status_consent_by_agreement` that people it refers agreed to it hearing what became of them; with `mllp` its engine
    sends HL7 v2 to a port of its own. While it is `suspended` nobody lets it in; what it referred goes on. With `test`
    it refers nobody: what it sends is answered and played by the clock, and reaches no person and no other service.

    `key_ends` and `nkey_ends` say until when API keys (by digest) and public NATS keys work that others have replaced.
    """

    organisation_id: OrganisationId
    name: Text
    kind: Kind
    site_id: Text | None = None
    key_hashes: list[KeyHash] = []
    key_ends: dict[KeyHash, AwareDatetime] = {}
    nkey_ends: dict[UserKey, AwareDatetime] = {}
    screens_before_referring: bool = False
    status_consent_by_agreement: bool = False
    plan_ids: list[Text] = []
    mllp: bool = False
    jwks: Keys | None = None
    jwks_url: Annotated[str, Field(pattern=r"^https?://[^\s@#]+$", max_length=2000)] | None = None
    suspended: bool = False
    test: bool = False

    def knows(self, digest: str, *, at: datetime) -> bool:
        """This will say whether an API key, by its digest, is one that works."""
        found = [hmac.compare_digest(known, digest) for known in self.key_hashes]
        return any(found) and (digest not in self.key_ends or at < self.key_ends[digest])


class AgesOfConsent(Part):
    """From which age minors of a state agree alone to a class of services; None where a parent or guardian must."""

    mental_health: AgeOfConsent | None = None
    substance_use: AgeOfConsent | None = None


class SelfReferral(Part):
    """The form at /ask: `organisation_id` is the agency in whose name people ask for themselves.

    The link to each one's page works for `link_days`.
    """

    organisation_id: OrganisationId
    link_days: Annotated[int, Field(ge=1, le=366)] = 120


class Programme(Part):
    """Everything the services are told about the world they work in; its first site is that of whoever has none."""

    name: Text = "Alongside"
    sites: Annotated[dict[str, Site], Field(min_length=1)]
    organisations: dict[str, Organisation]
    self_referral: SelfReferral | None = None
    minor_consent: dict[State, AgesOfConsent] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for misfit in self._misfits():
            raise ValueError(misfit)
        return self

    def _misfits(self) -> Iterator[str]:
        for key, site in self.sites.items():
            if site.site_id != key:
                yield f"sites.{key}.site_id must be the name it stands under"
        for key, each in self.organisations.items():
            if each.organisation_id != key:
                yield f"organisations.{key}.organisation_id must be the name it stands under"
            if each.mllp and "referral" not in POSTS[each.kind]:
                yield f"organisations.{key}.mllp is for those who refer"
            if each.test and each.kind not in FOR_TESTS:
                yield f"organisations.{key}.test is for {', '.join(FOR_TESTS)}: for those who refer"
            if each.site_id and each.site_id not in self.sites:
                yield f"organisations.{key}.site_id must be a site of this programme"
        agencies = [key for key, each in self.organisations.items() if each.kind == "agency"]
        if self.self_referral and self.self_referral.organisation_id not in agencies:
            yield "self_referral.organisation_id must be an organisation of kind agency of this programme"

    @classmethod
    def read(cls, path: Path) -> "Programme":
        """This will read the programme file (JSON); ValueError says where it is wrong."""
        try:
            return cls.parse(path.read_bytes(), path)
        except FileNotFoundError:
            raise ValueError(f"{path} is missing: `alongside up` writes one, or write your own.") from None

    @classmethod
    def parse(cls, raw: bytes, path: Path) -> "Programme":
        """This will read what stands in the programme file at `path`; ValueError says where it is wrong."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            place, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
            raise ValueError(f"{path}, {place}: {said}" if place else f"{path}: {said}") from None

    def adopt(self, newer: "Programme") -> None:
        """This will take over the organisations of a newer file, all at once, wherever this programme is held.

        ValueError, and nothing is changed, where one is gone, is of another kind, or is at a site that this programme
        has not got: sites are read at start.
        """
        if lost := sorted(self.organisations.keys() - newer.organisations.keys()):
            raise ValueError(f"organisations.{lost[0]} is missing: put it back, and suspend it instead")
        for each in newer.organisations.values():
            if (known := self.organisations.get(each.organisation_id, each)).kind != each.kind:
                raise ValueError(f"organisations.{known.organisation_id}.kind has changed: start the services again")
            if known.test != each.test:
                raise ValueError(f"organisations.{known.organisation_id}.test has changed: start the services again")
            if each.site_id and each.site_id not in self.sites:
                raise ValueError(f"organisations.{each.organisation_id}.site_id is new: start the services again")
        # In place: handlers and edges hold this very programme. None of them awaits while it reads.
        self.organisations.clear()
        self.organisations.update(newer.organisations)

    def holder_of(self, key: str, *, at: datetime) -> Organisation | None:
        """This will find the organisation an API key belongs to, without telling by time how near a guess was."""
        digest, found = hash_key(key), None
        for each in self.organisations.values():
            if each.knows(digest, at=at):
                found = each
        return found

    def site(self, site_id: str | None) -> Site:
        """This will give the named site, or the programme's first for whoever has none; KeyError for an unknown id."""
        return next(iter(self.sites.values())) if site_id is None else self.sites[site_id]


def new_key(organisation_id: str) -> str:
    """This will make an API key of 256 random bits; it is shown once and kept only as its hash."""
    return f"alk_{organisation_id}_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    """This will give what is kept of an API key."""
    return hashlib.sha256(key.encode()).hexdigest()
