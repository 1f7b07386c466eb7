"""What comes in at the edges: untidy is read, wrong is refused with place and remedy, and never breaks anything."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from services.matching.store.tables import metadata
from shared.database import Database
from shared.events.matching import OfferMade, RoomFreed, SupporterRegistered
from shared.mailbox import Ingested, Status
from tests.matching.desk import Desk, of
from tests.matching.makers import HOSPITAL_KEY, NOON, OTHER_KEY, accepted, told

ID = UUID(int=7)


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await Desk.open(database)


async def put(desk: Desk, body: Any, *, path: str = f"/supporters/{ID}", key: str | None = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with desk.client(key) if key else desk.client() as client:
        answered = await client.put(path, content=raw, headers={"Content-Type": "application/json"})
    await desk.settle()
    return answered


def posted(body: Any, organisation: str = "programme") -> Ingested:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Ingested(organisation, "supporter", raw, "application/json", str(uuid4()))


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


@pytest.fixture
async def sqlite_desk(tmp_path: Any) -> Any:
    opened = Database.open(f"sqlite:///{tmp_path / 'store.sqlite'}")
    yield await Desk.open(opened)
    await opened.close()


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


async def test_only_agencies_come_in_and_none_touches_the_supporters_of_another(desk: Desk) -> None:
    await put(desk, told())
    [offer] = of(OfferMade, await desk.tell(accepted()))

    assert (await put(desk, told(), key="unknown")).status_code == 401
    assert (await put(desk, told(), key=HOSPITAL_KEY)).status_code == 403
    assert (await put(desk, told(public_name="Mine"), key=OTHER_KEY)).status_code == 409
    async with desk.client(OTHER_KEY) as other:
        assert (await other.get(f"/supporters/{ID}")).status_code == 404
        assert (await other.get("/supporters")).json() == []
        assert (await other.get("/offers")).json() == []
        assert (await other.post(f"/offers/{offer.offer_id}/answer", json={"answer": "accept"})).status_code == 404


WRONG_ANSWERS: list[tuple[Any, str]] = [
    ({}, "body.answer"),
    ({"answer": "maybe"}, "body.answer"),
    ({"answer": "decline"}, "body.code"),
    ({"answer": "decline", "code": "bored"}, "body.code"),
    ({"answer": "accept", "by": ""}, "body.by"),
    ({"answer": "accept", "why": "x"}, "body.why"),
    ([], "body"),
]


async def test_wrong_answers_are_refused_at_their_place(sqlite_desk: Desk) -> None:
    await put(sqlite_desk, told())
    [offer] = of(OfferMade, await sqlite_desk.tell(accepted()))

    async with sqlite_desk.client() as client:
        for body, place in WRONG_ANSWERS:
            answered = await client.post(f"/offers/{offer.offer_id}/answer", json=body)

            assert (answered.status_code, answered.json()["errors"][0]["where"]) == (422, place)


async def test_what_nobody_knows_is_not_found_and_what_is_no_id_is_refused(sqlite_desk: Desk) -> None:
    async with sqlite_desk.client() as client:
        assert (await client.post("/offers/not-an-id/answer", json={"answer": "accept"})).status_code == 422
        assert (await client.post(f"/offers/{uuid4()}/answer", json={"answer": "accept"})).status_code == 404
        assert (await client.get("/offers", params={"state": "lost"})).status_code == 422
        assert (await client.get("/offers", params={"limit": "-1"})).status_code == 422
        assert (await client.get(f"/decisions/{uuid4()}")).status_code == 404
        assert (await client.put("/supporters/x", json=told())).status_code == 422


LINE = {"kind": "warm_line", "site_id": "north", "internal_name": "Sober nights", "public_label": "Evening phone"}


WRONG_OFFERINGS: list[tuple[Any, str]] = [
    ({"public_label": "Staying sober"}, "body.public_label"),
    ({"public_label": "Peer circle"}, "body.public_label"),
    ({"public_label": "AA Northside"}, "body.public_label"),
    ({"public_label": ""}, "body.public_label"),
    ({"kind": "one_to_one"}, "body.kind"),
    ({"site_id": "nowhere"}, "body.site_id"),
    ({"languages": ["?"]}, "body.languages[0]"),
    ({"ages": []}, "body.ages"),
    ({"capacity": 0}, "body.capacity"),
    ({"windows": [{"weekday": 1}]}, "body.windows[0].start"),
    ({"leader": "Jo"}, "body.leader"),
]


async def test_wrong_offerings_are_refused_at_their_place(sqlite_desk: Desk) -> None:
    for changes, place in WRONG_OFFERINGS:
        answered = await put(sqlite_desk, {**LINE, **changes}, path=f"/offerings/{ID}")

        assert (answered.status_code, answered.json()["errors"][0]["where"]) == (422, place)


async def test_an_offering_is_kept_once_and_listed(desk: Desk) -> None:
    first = await put(desk, LINE, path=f"/offerings/{ID}")
    again = await put(desk, LINE, path=f"/offerings/{ID}")
    async with desk.client() as client:
        [listed] = (await client.get("/offerings")).json()

    assert (first.status_code, again.status_code, again.json()["outcome"]) == (201, 200, "known")
    assert (listed["offering_id"], listed["public_label"]) == (str(ID), "Evening phone")


async def test_the_people_a_supporter_excludes_can_be_read_nowhere(desk: Desk) -> None:
    canary = UUID("c0ffee00-dead-4bad-8bad-c0ffee00beef")
    written = await put(desk, told(exclusions=[str(canary)]))
    async with desk.client() as client:
        answers = [written.text, (await client.get(f"/supporters/{ID}")).text, (await client.get("/supporters")).text]
    refused = await put(desk, told(exclusions=[str(canary), f"not {canary}"]))
    answers += [refused.text]
    async with desk.database.reading() as db:
        for table in metadata.sorted_tables:
            rows = (await db.execute(text(f"select * from {table.name}"))).all()
            answers += [repr(row) for row in rows]

    forms = (str(canary), canary.hex, repr(canary.bytes))
    assert not [each for answer in answers for each in forms if each in answer]


async def test_registering_without_exclusions_keeps_those_sent_before(desk: Desk) -> None:
    referral = accepted()
    await put(desk, told(exclusions=[str(referral.person_id)]))
    await put(desk, told(public_name="Jo"))
    kept = of(OfferMade, await desk.tell(referral))

    await put(desk, told(public_name="Jo", exclusions=[]))

    assert kept == []
    assert of(OfferMade, desk.said)[0].referral_id == referral.referral_id


async def test_an_offer_tells_the_least_a_supporter_needs(desk: Desk) -> None:
    await put(desk, told(life_tags=["parent"]))
    referral = accepted(
        needs={"challenges": ["depression"], "life_tags": ["parent", "veteran"], "goals": ["work"]},
        preferences={"languages": ["vi", "en"]},
    )
    await desk.tell(referral)

    async with desk.client() as client:
        [offer] = (await client.get("/offers", params={"state": "open"})).json()

    about = offer["about"]
    assert (about["both"], about["goals"], about["languages"]) == (["parent"], ["work"], ["en"])
    assert not re.search(r"depression|veteran|\bvi\b", json.dumps(offer))
    assert str(referral.person_id) not in json.dumps(offer)


async def test_the_waiting_list_explains_its_order(desk: Desk) -> None:
    fresh = accepted(urgency="priority")
    long = accepted(arrived_at=NOON - timedelta(days=14))
    await desk.tell(fresh, long)

    async with desk.client() as client:
        listed = (await client.get("/waiting")).json()
        decision = (await client.get(f"/decisions/{long.referral_id}")).json()

    assert [each["referral_id"] for each in listed] == [str(long.referral_id), str(fresh.referral_id)]
    assert listed[0]["parts"] == {"urgency": 0, "waited": 30, "lost_offers": 0, "rematch": 0}
    assert (listed[0]["business_days_waited"], listed[0]["because"]) == (10, "no_fit")
    assert (decision["unmet"], decision["policy_version"], len(decision["inputs"])) == ("no_fit", "2026-1", 64)
