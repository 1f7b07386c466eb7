"""Values for the tests of notifications: valid unless told otherwise."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from services.notifications.rules.sending import Limits, Person, Reach, Reminder, Session
from services.notifications.rules.timing import Hours
from shared.events.referrals import ContactShared
from shared.events.referrals import Reach as SharedReach
from shared.events.scheduling import BookedSession, SeriesBooked
from shared.programme import Organisation, Programme, Site, hash_key

NEW_YORK = ZoneInfo("America/New_York")
NINE_TO_EIGHT = Hours(opens=time(9), closes=time(20))
LIMITS = Limits(hours=NINE_TO_EIGHT)
NOON = datetime(2026, 5, 5, 16, tzinfo=UTC)
"""Tuesday noon in New York."""

PHONE = "+12025550143"
SITE = Site(site_id="north", public_name="Northside", phone="555-0100", on_call="test:delivered")
KEY = "alk_programme_key"
PROGRAMME = Programme(
    sites={"north": SITE},
    organisations={
        "programme": Organisation(
            organisation_id="programme", name="Programme", kind="agency", site_id="north", key_hashes=[hash_key(KEY)]
        ),
        "general-hospital": Organisation(
            organisation_id="general-hospital", name="Hospital", kind="hospital", key_hashes=[hash_key("alk_hospital")]
        ),
    },
)


def booked(starts_at: datetime, **changes: Any) -> BookedSession:
    values: dict[str, Any] = {
        "session_id": uuid4(),
        "seat_id": uuid4(),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=50),
        "local_start": starts_at.astimezone(NEW_YORK).strftime("%Y-%m-%dT%H:%M"),
        "modality": "in_person",
    }
    return BookedSession(**{**values, **changes})


def series(*starts: datetime, **changes: Any) -> SeriesBooked:
    values: dict[str, Any] = {
        "series_id": uuid4(),
        "match_id": uuid4(),
        "person_id": uuid4(),
        "site_id": "north",
        "zone": "America/New_York",
        "public_name": "Jordan",
        "sessions": [booked(each) for each in starts],
    }
    return SeriesBooked(**{**values, **changes})


def weekly(count: int = 3) -> SeriesBooked:
    return series(*(NOON + timedelta(days=7 * (week + 1)) for week in range(count)))


def contact(person_id: UUID, *reaches: tuple[str, str], **changes: Any) -> ContactShared:
    ways = [
        SharedReach(channel=channel, address=address, consented_at=NOON)  # type: ignore[arg-type]
        for channel, address in (reaches or (("sms", PHONE),))
    ]
    values: dict[str, Any] = {"person_id": person_id, "site_id": "north", "zone": "America/New_York", "reaches": ways}
    return ContactShared(**{**values, **changes})


def person(**changes: Any) -> Person:
    values: dict[str, Any] = {
        "person_id": uuid4(),
        "site_id": "north",
        "language": "en",
        "zone": NEW_YORK,
        "reaches": (Reach(channel="sms", address=PHONE),),
    }
    return Person(**{**values, **changes})


def session(**changes: Any) -> Session:
    values: dict[str, Any] = {
        "session_id": uuid4(),
        "series_id": uuid4(),
        "person_id": uuid4(),
        "site_id": "north",
        "starts_at": NOON + timedelta(days=1),
        "modality": "in_person",
        "public_name": "Jordan",
        "cancelled": False,
    }
    return Session(**{**values, **changes})


def reminder(**changes: Any) -> Reminder:
    values: dict[str, Any] = {
        "reminder_id": uuid4(),
        "session_id": uuid4(),
        "person_id": uuid4(),
        "kind": "1d",
        "due": NOON,
        "state": "due",
        "planned_at": NOON - timedelta(days=7),
        "look_at": NOON,
    }
    return Reminder(**{**values, **changes})
