"""What agencies may see and answer at the HTTP edge, and what nobody reads back."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from services.matching.store.tables import metadata
from shared.events.matching import OfferMade
from tests.matching.desk import Desk, of
from tests.matching.makers import HOSPITAL_KEY, NOON, OTHER_KEY, accepted, told
from tests.matching.posting import ID, put


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
    assert listed[0]["parts"] == {"urgency": 0, "waited": 30, "lost_offers": 0}
    assert (listed[0]["business_days_waited"], listed[0]["because"]) == (10, "no_fit")
    assert (decision["unmet"], decision["policy_version"], len(decision["inputs"])) == ("no_fit", "2026-1", 64)
