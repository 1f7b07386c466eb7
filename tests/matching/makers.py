"""People, supporters and facts for the tests of matching: valid unless told otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.matching.rules.people import Candidate, Seeker
from services.matching.rules.supporter import Supporter
from shared.events.referrals import Needs, Preferences, ReferralAccepted
from shared.programme import Organisation, Programme, Site, hash_key

NOON = datetime(2026, 5, 4, 16, tzinfo=UTC)
"""A Monday, noon in New York."""
EVERY_DAY = [{"weekday": day, "start": "09:00", "end": "17:00"} for day in range(7)]
KEY, OTHER_KEY, HOSPITAL_KEY = "alk_key", "alk_other", "alk_hospital"
PROGRAMME = Programme(
    sites={
        "north": Site(site_id="north", public_name="Northside", phone="555-0100"),
        "west": Site(site_id="west", public_name="Westside", phone="555-0101", zone="America/Los_Angeles"),
    },
    organisations={
        "programme": Organisation(
            organisation_id="programme", name="The programme", kind="agency", key_hashes=[hash_key(KEY)]
        ),
        "other": Organisation(organisation_id="other", name="Another", kind="agency", key_hashes=[hash_key(OTHER_KEY)]),
        "hospital": Organisation(
            organisation_id="hospital", name="A hospital", kind="hospital", key_hashes=[hash_key(HOSPITAL_KEY)]
        ),
        "centre": Organisation(organisation_id="centre", name="A centre", kind="community"),
        "trial": Organisation(organisation_id="trial", name="A centre's tests", kind="community", test=True),
    },
)


def told(**changes: Any) -> dict[str, Any]:
    """What an agency sends of a supporter."""
    plain: dict[str, Any] = {
        "public_name": "Jordan",
        "site_id": "north",
        "zone": "America/New_York",
        "languages": [{"code": "en", "level": "native"}],
        "modalities": ["in_person", "video", "audio"],
        "windows": EVERY_DAY,
        "challenges": ["depression"],
        "capacity": 1,
        "background_check_valid": True,
    }
    return {**plain, **changes}


def candidate(number: int = 1, *, held: int = 0, **changes: Any) -> Candidate:
    """A supporter who may be asked; `number` becomes the id."""
    supporter = Supporter.model_validate(told(**changes))
    zone = supporter.zone or "America/New_York"
    return Candidate(supporter_id=UUID(int=number), supporter=supporter, zone=zone, held=held)


def seeker(number: int = 1, *, needs: Any = None, wants: Any = None, **changes: Any) -> Seeker:
    """A person who needs an offer; `number` becomes the referral's id."""
    plain: dict[str, Any] = {
        "referral_id": UUID(int=1000 + number),
        "person_id": UUID(int=2000 + number),
        "site_id": "north",
        "zone": "America/New_York",
        "urgency": "routine",
        "arrived_at": NOON - timedelta(days=1),
        "age_band": "adult",
        "needs": Needs.model_validate({"challenges": ["depression"], **(needs or {})}),
        "preferences": Preferences.model_validate(wants or {}),
        "funded": False,
    }
    return Seeker(**{**plain, **changes})


def accepted(**changes: Any) -> ReferralAccepted:
    """A referral that may be matched."""
    plain: dict[str, Any] = {
        "referral_id": uuid4(),
        "person_id": uuid4(),
        "organisation": "hospital",
        "site_id": "north",
        "zone": "America/New_York",
        "urgency": "routine",
        "arrived_at": NOON,
        "age_band": "adult",
        "needs": {"challenges": ["depression"]},
        "preferences": {},
        "funded": False,
        "part2": False,
    }
    return ReferralAccepted.model_validate({**plain, **changes})
