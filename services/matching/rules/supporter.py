"""What a supporter chooses to tell, as it comes in and as it is kept."""

import hashlib
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from services.matching.rules import codes, tidy
from services.matching.rules.policy import Policy
from shared.events import vocabulary
from shared.events.fact import Modality
from shared.events.referrals import Scale, Window

ONE_TO_ONE = UUID("2c0a3f5d-7a0e-5b43-9a55-0f6a4be01c11")

Level = Literal["native", "fluent", "conversational"]
Text = Annotated[str, Field(min_length=1, max_length=80)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("unknown time zone; use an IANA name, for example America/New_York") from None
    return name


def _forward(found: Window) -> Window:
    if found.end <= found.start:
        raise ValueError("the window ends before it starts; send one that crosses midnight as two")
    return found


Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Windows = Annotated[
    list[Annotated[Window, BeforeValidator(tidy.window), AfterValidator(_forward)]],
    BeforeValidator(tidy.as_list),
    Field(max_length=84),
]


def _upper(found: Any) -> Any:
    return found.strip().upper() if isinstance(found, str) else found


def _codes(among: frozenset[str]) -> Any:
    one = Annotated[str, BeforeValidator(tidy.one_of(among))]
    return Annotated[
        list[one],
        BeforeValidator(tidy.as_list),
        AfterValidator(tidy.once_each),
        Field(max_length=60, json_schema_extra={"items": {"type": "string", "enum": [*sorted(among)]}}),
    ]


class Spoken(BaseModel):
    """A language a supporter speaks; `level` is how well."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
    code: Annotated[str, BeforeValidator(tidy.language_code)]
    level: Annotated[Level, BeforeValidator(tidy.one_of(codes.LEVELS))] = "fluent"


class Credential(BaseModel):
    """A state's paper, for example Certified Peer Specialist; `valid_to` is its last day."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
    state: Annotated[str, Field(pattern=r"^[A-Z]{2}$"), BeforeValidator(_upper)]
    number: Annotated[str, Field(min_length=1, max_length=40)]
    valid_to: date


class Supporter(BaseModel):
    """Somebody who walks beside others; empty lists and None mean "did not say".

    `capacity` is a weighted caseload cap, in people; `windows` are weekly hours in `zone`; `limits` are challenges and
    life tags they do not take; `hosts` are the organisations at whose place they meet people, and which may say who
    came; `exclusions` are the ids of people they must not be asked about, taken in and never given out (leave the
    member away to keep what was sent before).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)
    public_name: Annotated[str, Field(min_length=1, max_length=40)]
    site_id: Text
    zone: Zone | None = None
    languages: Annotated[
        list[Annotated[Spoken, BeforeValidator(tidy.language)]],
        BeforeValidator(tidy.as_list),
        Field(min_length=1, max_length=20),
    ]
    gender: Annotated[str, BeforeValidator(tidy.one_of(vocabulary.GENDERS))] | None = None
    age: Annotated[int, Field(ge=14, le=110)] | None = None
    communities: _codes(vocabulary.COMMUNITIES) = []  # type: ignore[valid-type]
    challenges: _codes(vocabulary.CHALLENGES) = []  # type: ignore[valid-type]
    life_tags: _codes(vocabulary.LIFE_TAGS) = []  # type: ignore[valid-type]
    pathway: Annotated[str, BeforeValidator(tidy.one_of(vocabulary.PATHWAYS))] | None = None
    goals: _codes(vocabulary.GOALS) = []  # type: ignore[valid-type]
    directness: Scale | None = None
    structure: Scale | None = None
    modalities: Annotated[
        list[Annotated[Modality, BeforeValidator(tidy.one_of(codes.MODALITIES))]],
        BeforeValidator(tidy.as_list),
        AfterValidator(tidy.once_each),
        Field(min_length=1, max_length=3),
    ]
    active: bool = True
    windows: Annotated[Windows, Field(validate_default=True)] = []
    capacity: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 15
    paused: bool = False
    credential: Credential | None = None
    background_check_valid: bool = False
    youth_cleared: bool = False
    networks: Annotated[list[Text], BeforeValidator(tidy.as_list), Field(max_length=40)] = []
    hosts: Annotated[
        list[Text], BeforeValidator(tidy.as_list), AfterValidator(tidy.once_each), Field(max_length=20)
    ] = []
    npi: Annotated[str, Field(pattern=r"^\d{10}$")] | None = None
    volunteer: bool = False
    limits: _codes(vocabulary.CHALLENGES | vocabulary.LIFE_TAGS) = []  # type: ignore[valid-type]
    exclusions: Annotated[Annotated[list[UUID], Field(max_length=500)] | None, Field(exclude=True)] = None

    @field_validator("windows", mode="after")
    @classmethod
    def _some_window(cls, windows: list[Window], told: ValidationInfo) -> list[Window]:
        if not windows and told.data.get("active", True):
            raise ValueError("an active supporter needs at least one weekly window, or send active: false")
        return windows

    @field_validator("youth_cleared", mode="after")
    @classmethod
    def _checked_before_cleared(cls, cleared: bool, told: ValidationInfo) -> bool:
        if cleared and not told.data.get("background_check_valid", True):
            raise ValueError("this needs background_check_valid: true")
        return cleared

    @field_validator("languages", mode="after")
    @classmethod
    def _each_language_once(cls, languages: list[Spoken]) -> list[Spoken]:
        if len({each.code for each in languages}) < len(languages):
            raise ValueError("a language is named twice; send each once, at its best level")
        return languages

    @property
    def cap(self) -> int:
        """This will give the capacity in tenths of a person."""
        return round(self.capacity * 10)

    def ceiling(self, policy: Policy) -> int:
        """This will give the most they may come to hold, in tenths: one more is taken while they are below the cap."""
        return self.cap - 1 + policy.new_person() if self.cap else 0


class Registration(Supporter):
    """A supporter as an organisation sends them, with the id by which it knows them."""

    supporter_id: UUID | None = None

    def told(self) -> Supporter:
        """This will give what was told of the supporter, without the id."""
        return Supporter.model_construct(**{name: getattr(self, name) for name in Supporter.model_fields})


@lru_cache(maxsize=8192)
def one_to_one(supporter_id: UUID) -> UUID:
    """This will give the id of the offering "one-to-one with this supporter"."""
    return uuid5(ONE_TO_ONE, str(supporter_id))


def digest(found: BaseModel, *others: str) -> str:
    """This will fingerprint what was told, so that the same again is known; exclusions have no part in it."""
    return hashlib.sha256(" ".join((found.model_dump_json(), *others)).encode()).hexdigest()


def certified_until(found: Supporter, day: date, *, policy: Policy) -> bool:
    """This will say whether the credential lasts through the first months of a match made on `day`."""
    last = day + timedelta(days=policy.credential_days)
    return found.credential is not None and found.credential.valid_to >= last


def to_do(found: Supporter, day: date, *, policy: Policy) -> list[dict[str, str]]:
    """This will list, with place and remedy, what keeps a supporter from offers, or from some of them."""
    wrong = []
    if not found.active:
        wrong.append(("active", "set active: true when offers may be made"))
    if found.paused:
        wrong.append(("paused", "set paused: false when the leave is over"))
    if not found.background_check_valid:
        wrong.append(("background_check_valid", "record a valid background check: no offers are made before"))
    if found.capacity == 0:
        wrong.append(("capacity", "set a capacity above 0: no offers are made before"))
    if not certified_until(found, day, policy=policy):
        wrong.append(
            (
                "credential",
                f"record a credential valid for {policy.credential_days} more days: until then only people whose "
                "support needs no certified supporter are offered",
            )
        )
    return [{"where": where, "remedy": remedy} for where, remedy in wrong]
