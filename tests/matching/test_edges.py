"""What comes in at the edges: untidy is read, wrong is refused with place and remedy, and never breaks anything."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.matching.store.tables import metadata
from shared.events.matching import RoomFreed, SupporterRegistered
from shared.mailbox import Status
from tests.matching.desk import Desk, of
from tests.matching.makers import NOON, told
from tests.matching.posting import ID, posted, put

WRONG: list[tuple[Any, str]] = [
    (told(public_name=""), "public_name"),
    (told(public_name="x" * 41), "public_name"),
    (told(site_id="nowhere"), "site_id"),
    (told(zone="Mars/Olympus"), "zone"),
    (told(zone="../../etc/passwd"), "zone"),
    (told(languages=[]), "languages"),
    (told(languages=["?"]), "languages[0].code"),
    (told(languages=["en", {"code": "English"}]), "languages"),
    (told(languages=[{"code": "en", "level": "so so"}]), "languages[0].level"),
    (told(gender="unicorn"), "gender"),
    (told(age=7), "age"),
    (told(age="old"), "age"),
    (told(challenges=["depression", "bad luck"]), "challenges[1]"),
    (told(challenges=[7]), "challenges[0]"),
    (told(challenges=7), "challenges"),
    (told(life_tags={"veteran": True}), "life_tags[0]"),
    (told(directness=6), "directness"),
    (told(modalities=["fax"]), "modalities[0]"),
    (told(modalities=[]), "modalities"),
    (told(windows=[{"weekday": 7, "start": "09:00", "end": "10:00"}]), "windows[0].weekday"),
    (told(windows=[{"weekday": "someday", "start": "09:00", "end": "10:00"}]), "windows[0].weekday"),
    (told(windows=[{"weekday": 1, "start": "25:00", "end": "26:00"}]), "windows[0].start"),
    (told(windows=[{"weekday": 1, "start": "22:00", "end": "02:00"}]), "windows[0]"),
    (told(windows=[]), "windows"),
    (told(capacity=-1), "capacity"),
    (told(capacity=1e300), "capacity"),
    (told(capacity=None), "capacity"),
    (told(background_check_valid=False, youth_cleared=True), "youth_cleared"),
    (told(credential={"state": "New York", "number": "1", "valid_to": "2027-01-01"}), "credential.state"),
    (told(credential={"state": "NY", "number": "1", "valid_to": "2027-13-01"}), "credential.valid_to"),
    (told(credential={"state": "NY"}), "credential.number"),
    (told(npi="12"), "npi"),
    (told(limits=["everything"]), "limits[0]"),
    (told(exclusions=["Jane Doe"]), "exclusions[0]"),
    (told(favourite_colour="blue"), "favourite_colour"),
    ({}, "public_name"),
    ([], ""),
    ("supporter", ""),
    (None, ""),
]


async def test_wrong_supporters_are_refused_at_their_place(sqlite_desk: Desk) -> None:
    for body, place in WRONG:
        answered = await put(sqlite_desk, body)

        errors = answered.json().get("errors", [])
        assert (place, answered.status_code) == (place, 422)
        assert f"body.{place}".rstrip(".") in [each["where"] for each in errors]
        assert all(each["remedy"] for each in errors)


async def test_wrong_supporters_on_the_bus_are_refused_in_a_status(sqlite_desk: Desk) -> None:
    for body, place in WRONG:
        said = await sqlite_desk.tell(posted({**body, "supporter_id": str(ID)} if isinstance(body, dict) else body))

        [status] = of(Status, said)
        assert (status.organisation, status.kind, status.body["status"]) == ("programme", "supporter", "refused")
        assert f"$.{place}".rstrip(".") in [each["where"] for each in status.body["errors"]]


RAW = [
    (b"", 400),
    (b"{", 400),
    (b'{"capacity": NaN}', 400),
    (b'{"capacity": 1e999}', 400),
    (b'{"a": 1, "a": 2}', 400),
    (b'{"public_name": "\\ud800"}', 400),
    (b'{"public_name": "a\\u0000b"}', 400),
    (b"[" * 100_000, 413),
    (b"[" * 1000, 400),
    (b'{"capacity": ' + b"9" * 5000 + b"}", 400),
    (b"\xff\xfe", 400),
    (b'{"public_name": "' + b"x" * 70_000 + b'"}', 413),
]


async def test_bytes_that_are_no_acceptable_json_are_refused(sqlite_desk: Desk) -> None:
    for body, status in RAW:
        over_http = await put(sqlite_desk, body)
        [on_the_bus] = of(Status, await sqlite_desk.tell(posted(body)))

        assert (body[:40], over_http.status_code) == (body[:40], status)
        assert on_the_bus.body["status"] == "refused"


async def test_untidy_words_are_understood(sqlite_desk: Desk) -> None:
    body = told(
        public_name="  Jordan ",
        languages="English:native, es-MX",
        modalities=["Phone", "in person"],
        gender="Female",
        challenges="Depression, bipolar disorder",
        life_tags=["Veteran", "veteran", "Justice-involved"],
        windows=[
            {"weekday": "Tuesday", "start": "9am", "end": "5:30 pm"},
            {"weekday": 6, "start": "9:00", "end": "24:00"},
        ],
        capacity="7.5",
        credential={"state": "ny", "number": " 12 ", "valid_to": "2027-01-01"},
        zone=None,
    )

    kept = (await put(sqlite_desk, body)).json()["supporter"]

    assert (kept["public_name"], kept["gender"], kept["capacity"]) == ("Jordan", "woman", 7.5)
    assert kept["languages"] == [{"code": "en", "level": "native"}, {"code": "es", "level": "fluent"}]
    assert kept["modalities"] == ["audio", "in_person"]
    assert (kept["challenges"], kept["life_tags"]) == (["depression", "bipolar"], ["veteran", "justice_involved"])
    assert kept["windows"][0] == {"weekday": 1, "start": "09:00", "end": "17:30"}
    assert (kept["credential"]["state"], kept["credential"]["number"]) == ("NY", "12")
    assert kept["zone"] == "America/New_York"


async def test_the_same_registration_again_says_nothing_and_what_is_read_can_be_sent_back(desk: Desk) -> None:
    first = await put(desk, told())
    before = len(desk.said)

    again = await put(desk, first.json()["supporter"])
    async with desk.client() as client:
        read = await client.get(f"/supporters/{ID}")

    assert (first.status_code, again.status_code, again.json()["outcome"]) == (201, 200, "known")
    assert len(desk.said) == before
    assert read.json()["supporter"] == first.json()["supporter"]


async def test_the_bus_and_http_are_the_same_door(desk: Desk) -> None:
    said = await desk.tell(posted(told(supporter_id=str(ID))))
    again = await put(desk, told())

    assert of(Status, said)[0].body["outcome"] == "registered"
    assert (len(of(SupporterRegistered, said)), len(of(RoomFreed, said))) == (1, 1)
    assert again.json()["outcome"] == "known"


async def test_says_whose_a_supporter_is_and_at_whose_place_they_meet_people(desk: Desk) -> None:
    answered = await put(desk, told(hosts=["centre", "other", "centre"]))

    (fact,) = of(SupporterRegistered, desk.said)
    assert (fact.organisation, fact.hosts) == ("programme", ["centre", "other"])
    assert answered.json()["supporter"]["hosts"] == ["centre", "other"]


@pytest.mark.parametrize("host", ["hospital", "trial", "nobody"])
async def test_refuses_a_host_that_could_never_say_who_came(desk: Desk, host: str) -> None:
    answered = await put(desk, told(hosts=["centre", host]))

    (wrong,) = answered.json()["errors"]
    assert (answered.status_code, wrong["where"]) == (422, "body.hosts[1]")
    assert wrong["remedy"] == "name organisations that hold sessions: centre, other, programme"
    assert desk.said == []


async def test_says_what_still_keeps_a_supporter_from_offers(desk: Desk) -> None:
    expired = {"state": "NY", "number": "1", "valid_to": (NOON - timedelta(days=1)).date().isoformat()}

    answered = await put(desk, told(background_check_valid=False, credential=expired))

    assert {each["where"] for each in answered.json()["to_do"]} == {"background_check_valid", "credential"}


async def test_a_supporter_on_the_bus_needs_an_id_and_an_agency(desk: Desk) -> None:
    [no_id] = of(Status, await desk.tell(posted(told())))
    [no_agency] = of(Status, await desk.tell(posted(told(supporter_id=str(ID)), "hospital")))

    assert no_id.body["errors"][0]["where"] == "$.supporter_id"
    assert (no_agency.organisation, no_agency.body["status"]) == ("hospital", "refused")
    async with desk.database.reading() as db:
        assert len((await db.execute(select(metadata.tables["refusals"]))).all()) == 2
