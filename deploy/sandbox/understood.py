"""What was understood of a referral, in short: our own words and codes, and of the person only what there is."""

from typing import Any

from services.referrals.rules.order import Person, ReferralOrder

KNOWN = {
    "first_name": "first name",
    "family_name": "family name",
    "birth_date": "date of birth",
    "gender": "gender",
    "zone": "time zone",
}


def in_short(order: ReferralOrder) -> list[str]:
    """This will list what a referral says, without names, dates, numbers or anybody's own words."""
    told = [
        f"service {order.service}",
        f"urgency {order.urgency}",
        f"risk {order.risk}" if order.risk else "risk not screened",
        f"status {order.status}" if order.status != "active" else "",
        f"site {order.site}" if order.site else "",
        "your number" if order.identifier else "no number of yours",
        "agreed to peer support" if order.peer_support_consent else "",
        "42 CFR Part 2" if order.part2 else "",
        f"the person: {_person(order.person)}",
        *_codes(order.needs.model_dump(mode="json", exclude_defaults=True)),
        *_codes(order.preferences.model_dump(mode="json", exclude_defaults=True)),
        f"insurance: {_cover(order)}" if order.cover else "",
        _count(len(order.consents), "consent"),
        _count(len(order.notes), "text for people to read", "texts for people to read"),
    ]
    return [each for each in told if each]


def _person(person: Person) -> str:
    there = [words for name, words in KNOWN.items() if getattr(person, name)]
    ways = ", ".join(dict.fromkeys(each.channel for each in person.reaches))
    there += [f"{_count(len(person.reaches), 'way')} to reach them ({ways})"] if ways else []
    there += [_count(len(person.identifiers), "number")] if person.identifiers else []
    there += [f"languages {', '.join(person.languages)}"] if person.languages else []
    there += ["has died"] if person.deceased else []
    return ", ".join(there) or "nothing"


def _codes(values: dict[str, Any]) -> list[str]:
    return [f"{name.replace('_', ' ')} {_flat(value)}" for name, value in values.items()]


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_flat, value))
    if isinstance(value, dict):
        return " ".join(map(str, value.values()))
    return str(value)


def _cover(order: ReferralOrder) -> str:
    assert order.cover
    there = order.cover.model_dump(exclude_none=True)
    return ", ".join(name.replace("_", " ") for name in there)


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}" if number else ""
