"""One deployment is one programme: its sites, and the organisations that refer to it, pay it, or work in it."""

import hashlib
import hmac
import secrets
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared import names

Kind = Literal["hospital", "clinic", "community", "payer", "agency"]

POSTS: dict[str, tuple[str, ...]] = {
    "hospital": ("referral",),
    "clinic": ("referral",),
    "community": ("referral",),
    "payer": ("referral",),
    "agency": ("referral", "supporter"),
}
"""What an organisation of each kind may post, on `ingest.<organisation>.<what>.v1`."""


def _known_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be an IANA time zone, for example America/New_York") from None
    return zone


Zone = Annotated[str, AfterValidator(_known_zone)]
OrganisationId = Annotated[str, Field(pattern=f"^{names.ORGANISATION.pattern}$")]


class Site(BaseModel):
    """A place of the programme: its zone, its business calendar, and the words people there may be told."""

    model_config = ConfigDict(frozen=True)
    site_id: str
    public_name: str
    zone: Zone = "America/New_York"
    phone: str
    languages: list[str] = ["en", "es"]
    emergency_words: dict[str, str] = {
        "en": "If you are in danger now call 911. To talk to someone day or night call or text 988.",
        "es": "Si esta en peligro ahora llame al 911. Para hablar con alguien a toda hora llame o escriba al 988.",
    }
    opens: str = "09:00"
    closes: str = "17:00"
    workdays: list[int] = [0, 1, 2, 3, 4]
    holidays: list[date] = []
    on_call: str = ""
    region: str = "US"


class Organisation(BaseModel):
    """Somebody who plugs in; `key_hashes` are SHA-256 digests (hex) of the API keys it may use.

    `screens_before_referring` is the agreement that a referral without a risk answer was screened;
    `status_consent_by_agreement` that people it refers agreed to it hearing what became of them.
    """

    model_config = ConfigDict(frozen=True)
    organisation_id: OrganisationId
    name: str
    kind: Kind
    site_id: str | None = None
    key_hashes: list[str] = []
    screens_before_referring: bool = False
    status_consent_by_agreement: bool = False
    plan_ids: list[str] = []


class Programme(BaseModel):
    """Everything the services are told about the world they work in."""

    model_config = ConfigDict(frozen=True)
    name: str = "Alongside"
    sites: dict[str, Site]
    organisations: dict[str, Organisation]

    @classmethod
    def read(cls, path: Path) -> "Programme":
        """This will read the programme file (JSON); ValueError says where it is wrong."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise ValueError(f"{path} is missing: `alongside up` writes one, or write your own.") from None
        except ValidationError as wrong:
            place = ".".join(str(each) for each in wrong.errors()[0]["loc"])
            raise ValueError(f"{path}, {place}: {wrong.errors()[0]['msg']}") from None

    def holder_of(self, key: str) -> Organisation | None:
        """This will find the organisation an API key belongs to, without telling by time how near a guess was."""
        digest, found = hash_key(key), None
        for each in self.organisations.values():
            for known in each.key_hashes:
                if hmac.compare_digest(known, digest):
                    found = each
        return found

    def site(self, site_id: str | None) -> Site:
        """This will give the named site, or the programme's first."""
        return self.sites.get(site_id or "") or next(iter(self.sites.values()))


def new_key(organisation_id: str) -> str:
    """This will make an API key of 256 random bits; it is shown once and kept only as its hash."""
    return f"alk_{organisation_id}_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> str:
    """This will give what is kept of an API key."""
    return hashlib.sha256(key.encode()).hexdigest()
