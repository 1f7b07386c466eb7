"""Invents, from a seed, who is referred, by whom, how, and what each will do: the same seed, the same world."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Literal

from shared.events.referrals import Window

BEGIN = datetime(2026, 1, 5, 13, 0, tzinfo=UTC)
"""The demo's first moment: Monday morning in New York, nine weeks before the clocks change."""

POSTING_DAYS = 14
ENGINE = "general-hospital"
"""Whose interface engine sends some of its referrals as HL7 v2."""

HOSPITALS = (ENGINE, "riverside-hospital")
"""Who tells of two in three when they leave."""

Mishap = Literal["none", "twice", "garbled", "wrong_type", "unknown_code", "other_service", "crisis", "unscreened"]
FIRST_NAMES = (
    *("Ana", "Ben", "Carla", "Dev", "Elena", "Femi", "Grace", "Hugo", "Ines", "Jamal"),
    *("Kofi", "Lena", "Marco", "Nadia", "Omar", "Pia", "Quinn", "Rosa", "Sam", "Tala"),
)
CHALLENGES = {
    "depression": ("http://snomed.info/sct", "35489007"),
    "anxiety": ("http://snomed.info/sct", "197480006"),
    "ptsd": ("http://snomed.info/sct", "47505003"),
    "bipolar": ("http://snomed.info/sct", "13746004"),
    "alcohol": ("http://snomed.info/sct", "7200002"),
}
PLANS = [("garden-health", "P3-GARDEN-SUD")] * 3 + [("carolina-mco", "P1-CAROLINA-MCO")] * 4 + [None] * 3
TAGS = ("veteran", "parent", "bereavement", "homelessness", "hospital_stay")


@dataclass(frozen=True)
class Person:
    """Somebody who is referred: `posted_at` is domain time; the rates are 0 to 1."""

    number: int
    first_name: str
    phone: str
    language: str
    birth_date: date
    gender: str
    challenge: str
    tags: tuple[str, ...]
    windows: tuple[Window, ...]
    modalities: tuple[str, ...]
    plan: tuple[str, str] | None
    priority: str
    organisation: str
    over: Literal["http", "bus", "mllp"]
    posted_at: datetime
    mishap: Mishap
    replies: float
    discharged_on: date | None = None

    @property
    def identifier(self) -> str:
        """The placer's number of this referral."""
        return f"R-{self.number:05}"


def population(count: int, seed: int) -> list[Person]:
    """This will invent `count` people, in the order in which they are referred."""
    chance = Random(seed)
    people = [_person(number, chance) for number in range(count)]
    return sorted(people, key=lambda each: (each.posted_at, each.number))


def _person(number: int, chance: Random) -> Person:
    over: Literal["http", "bus"] = "http" if number % 2 else "bus"
    http_posters, bus_posters = ("general-hospital", "eastside-clinic"), ("riverside-hospital", "harbor-centre")
    person = Person(
        number=number,
        first_name=chance.choice(FIRST_NAMES),
        phone=f"+1212{555 + number // 10000}{number % 10000:04}",
        language="es" if chance.random() < 0.15 else "en",
        birth_date=date(1950, 1, 1) + timedelta(days=chance.randrange(18_500)),
        gender=chance.choice(("female", "male", "other")),
        challenge=chance.choice(tuple(CHALLENGES)),
        tags=tuple(sorted(chance.sample(TAGS, chance.randrange(3)))),
        windows=_windows(chance),
        modalities=tuple(chance.sample(("in_person", "video", "audio"), 2)),
        plan=chance.choice(PLANS),
        priority=chance.choices(("routine", "urgent", "stat"), (80, 15, 5))[0],
        organisation=chance.choice(http_posters if over == "http" else bus_posters),
        over=over,
        posted_at=_posted_at(chance),
        mishap=_mishap(number, chance),
        replies=chance.uniform(0.2, 0.8),
    )
    if person.organisation in HOSPITALS and number % 3:
        person = replace(person, discharged_on=person.posted_at.date() + timedelta(days=number % 4))
    return replace(person, over="mllp") if person.organisation == ENGINE and number % 4 == 1 else person


def _windows(chance: Random) -> tuple[Window, ...]:
    days = sorted(chance.sample(range(5), 3))
    starts = [chance.choice((9, 10, 12, 14)) for _ in days]
    return tuple(
        Window(weekday=day, start=f"{start:02}:00", end=f"{start + 4:02}:00")
        for day, start in zip(days, starts, strict=True)
    )


def _posted_at(chance: Random) -> datetime:
    while True:
        day = chance.randrange(POSTING_DAYS)
        if (BEGIN + timedelta(days=day)).weekday() < 5:
            return BEGIN + timedelta(days=day, hours=chance.randrange(1, 8))


def _mishap(number: int, chance: Random) -> Mishap:
    """This will make sure that even a small world has one of each, and a large one a few in a hundred."""
    few: tuple[Mishap, ...] = (
        "crisis",
        "twice",
        "garbled",
        "unscreened",
        "wrong_type",
        "unknown_code",
        "other_service",
    )
    if number < 2 * len(few) and number % 2 == 0:
        return few[number // 2]
    kinds: tuple[Mishap, ...] = ("none", *few)
    return chance.choices(kinds, (86, 1, 4, 1, 5, 1, 1, 1))[0]


def service_request(person: Person) -> dict[str, Any]:
    """This will write a person's referral as a hospital's system does: FHIR R4, everything contained."""
    base = "https://alongside.example/fhir/StructureDefinition/"
    system, code = CHALLENGES[person.challenge]
    extensions: list[dict[str, Any]] = [
        *({"url": base + "need-life-tag", "valueCode": each} for each in person.tags),
        *({"url": base + "preference-modality", "valueCode": each} for each in person.modalities),
        *({"url": base + "preference-window", "valueString": _window_words(each)} for each in person.windows),
    ]
    if person.discharged_on:
        extensions.append({"url": base + "discharge-date", "valueDate": person.discharged_on.isoformat()})
    if person.mishap != "unscreened":
        extensions.append({"url": base + "risk", "valueCode": "flagged" if person.mishap == "crisis" else "none"})
    request = {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": f"urn:{person.organisation}", "value": person.identifier}],
        "status": "active",
        "intent": "order",
        "priority": person.priority,
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "461481000124109"}]},
        "subject": {"reference": "#patient"},
        "authoredOn": person.posted_at.isoformat(),
        "reasonCode": [{"coding": [{"system": system, "code": code}]}],
        "extension": extensions,
        "contained": [_patient(person), *([_coverage(person)] if person.plan else [])],
    }
    return _spoiled(request, person)


def _window_words(window: Window) -> str:
    return f"{('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')[window.weekday]} {window.start}-{window.end}"


def _patient(person: Person) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "patient",
        "identifier": [{"system": f"urn:{person.organisation}:mrn", "value": f"M-{person.number:05}"}],
        "name": [{"given": [person.first_name], "family": "Example"}],
        "gender": person.gender,
        "birthDate": person.birth_date.isoformat(),
        "telecom": [{"system": "sms", "value": person.phone, "use": "mobile"}],
        "communication": [{"language": {"coding": [{"code": person.language}]}, "preferred": True}],
    }


def _coverage(person: Person) -> dict[str, Any]:
    payer, plan = person.plan or ("", "")
    return {
        "resourceType": "Coverage",
        "status": "active",
        "subscriberId": f"{payer[:2].upper()}{person.number:06}",
        "beneficiary": {"reference": "#patient"},
        "payor": [{"identifier": {"value": payer}}],
        "class": [{"type": {"coding": [{"code": "plan"}]}, "value": plan}],
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
    }


def _spoiled(request: dict[str, Any], person: Person) -> dict[str, Any]:
    if person.mishap == "wrong_type":
        request["priority"] = {"very": "urgent"}
    elif person.mishap == "unknown_code":
        request["status"] = "somewhere"
    elif person.mishap == "other_service":
        request["code"] = {"coding": [{"system": "http://snomed.info/sct", "code": "183524004"}]}
    return request
