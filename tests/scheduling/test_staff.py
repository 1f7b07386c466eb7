"""The staff's edge: booking by hand, listing, recording, and what it refuses."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from shared import clock
from shared.events.matching import Slot
from shared.events.notifications import VisitAnswered
from shared.events.scheduling import BookedSession, SeriesEnded, SeriesNotBooked
from shared.mailbox.tables import outbox
from tests.scheduling.makers import NOW, Desk, an_id, consent, coverage, match, referral, supporter

BODY = {
    "supporter_id": str(an_id("sam")),
    "person_id": str(an_id("bo")),
    "local_start": "2026-03-10T09:00",
    "zone": "America/New_York",
    "minutes": 50,
    "modality": "video",
}


async def test_books_one_session_by_hand(desk: Desk):
    await desk.know("bo")

    answer = await desk.ask("POST", "/sessions", json=BODY)

    assert answer.status_code == 201 and answer.json()["starts_at"] == "2026-03-10T13:00:00Z"
    assert (await desk.figures())["sessions_booked"] == 1


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"person_id": str(an_id("cy")), "local_start": "2026-03-10T09:30"}, "body.supporter_id"),
        ({"person_id": str(an_id("cy")), "local_start": "2026-03-10T08:30"}, "body.supporter_id"),
        (
            {"person_id": str(an_id("cy")), "local_start": "2026-03-10T14:10", "zone": "Europe/London", "minutes": 1},
            None,
        ),
        ({"supporter_id": str(an_id("kit")), "local_start": "2026-03-10T09:49"}, "body.person_id"),
    ],
)
async def test_refuses_an_overlap_and_says_whose(desk: Desk, changes, where):
    await desk.know("bo", "cy", supporters=("sam", "kit"))
    await desk.ask("POST", "/sessions", json=BODY)

    answer = await desk.ask("POST", "/sessions", json={**BODY, **changes})

    assert answer.status_code == (409 if where else 201)
    assert not where or answer.json()["errors"][0]["where"] == where


async def test_sessions_may_follow_each_other_without_a_gap(desk: Desk):
    await desk.know("bo")
    await desk.ask("POST", "/sessions", json=BODY)

    answer = await desk.ask("POST", "/sessions", json={**BODY, "local_start": "2026-03-10T09:50"})

    assert answer.status_code == 201


@pytest.mark.parametrize("whose", ["supporter_id", "person_id"])
async def test_books_nothing_for_an_id_that_nobody_has(desk: Desk, whose):
    await desk.know("bo")

    answer = await desk.ask("POST", "/sessions", json={**BODY, whose: str(uuid4())})

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (404, f"body.{whose}")
    assert (await desk.figures())["sessions_booked"] == 0


async def test_a_cancelled_session_frees_its_time_at_once(desk: Desk):
    await desk.know("bo")
    booked = (await desk.ask("POST", "/sessions", json=BODY)).json()
    path = f"/sessions/{booked['session_id']}/seats/{booked['seat_id']}/outcome"
    await desk.ask("POST", path, json={"outcome": "cancelled_person", "by": "Kim"})

    answer = await desk.ask("POST", "/sessions", json=BODY)

    assert answer.status_code == 201


async def test_takes_the_next_slot_when_the_first_clashes_and_asks_for_a_time_when_all_do(desk: Desk):
    slots = [Slot(weekday=3, start="15:00"), Slot(weekday=1, start="10:00")]
    await desk.hear(match())

    (second, *_) = await desk.hear(match(match_id=an_id("two"), person_id=an_id("bo"), slots=slots))
    (none,) = await desk.hear(match(match_id=an_id("three"), person_id=an_id("cy"), slots=slots))

    assert {each.local_start[-5:] for each in second.sessions} == {"10:00"}
    assert isinstance(none, SeriesNotBooked) and none.reason == "no_free_slot"
    (task,) = (await desk.ask("GET", "/work")).json()
    assert task["kind"] == "find_a_time"


async def test_staff_find_a_time_for_a_series_that_had_none(desk: Desk):
    (told,) = await desk.hear(match(slots=[]))
    (task,) = (await desk.ask("GET", "/work")).json()
    body = {**BODY, "person_id": str(told.person_id), "series_id": task["about"]}

    answer = await desk.ask("POST", "/sessions", json=body)

    assert answer.status_code == 201 and told.reason == "no_slots_given"
    assert (await desk.ask("GET", "/work")).json() == []


async def test_a_series_that_finds_no_time_ends_and_frees_its_supporter(desk: Desk):
    (told,) = await desk.hear(match(slots=[]))
    (task,) = (await desk.ask("GET", "/work")).json()
    path, body = f"/series/{task['about']}/end", {"by": "Kim"}

    answers = [(await desk.ask("POST", each, json=body)).status_code for each in (f"/series/{uuid4()}/end", path, path)]
    wanted = {**BODY, "person_id": str(told.person_id), "series_id": task["about"]}
    booked = await desk.ask("POST", "/sessions", json=wanted)

    assert answers == [404, 200, 409] and booked.status_code == 409
    async with desk.service.database.reading() as db:
        (row,) = (await db.execute(select(outbox).where(outbox.c.type == SeriesEnded.type_name()))).mappings()
    ended = SeriesEnded.model_validate_json(row["body"])
    assert (ended.match_id, ended.referral_id, ended.kept) == (told.match_id, told.referral_id, 0)
    assert (await desk.ask("GET", "/work")).json() == []


async def test_nobody_ends_a_series_that_has_sessions(desk: Desk):
    (booked, *_) = await desk.hear(match())

    answer = await desk.ask("POST", f"/series/{booked.series_id}/end", json={"by": "Kim"})

    assert answer.status_code == 409 and "outcome" in answer.json()["errors"][0]["remedy"]


async def test_asks_for_another_time_until_one_is_booked(desk: Desk):
    await desk.know("cy")
    (booked, *_) = await desk.hear(match())
    await desk.hear(_wants_another_time(booked.sessions[0]))
    asked = (await desk.ask("GET", "/work")).json()
    others = {**BODY, "person_id": str(an_id("cy"))}
    mine = {**BODY, "person_id": str(an_id("ana")), "local_start": "2026-03-10T11:00"}

    await desk.ask("POST", "/sessions", json=others)
    still = (await desk.ask("GET", "/work")).json()
    await desk.ask("POST", "/sessions", json={**mine, "series_id": str(booked.series_id)})

    assert [(each["kind"], each["about"]) for each in asked] == [
        ("new_time_wanted", str(booked.sessions[0].session_id))
    ]
    assert asked[0]["owner"] == "main" and still == asked
    assert (await desk.ask("GET", "/work")).json() == []


async def test_asks_for_another_time_than_one_that_is_already_cancelled(desk: Desk):
    (booked, *_) = await desk.hear(match())
    await desk.record(booked.sessions[0], "cancelled_supporter")

    await desk.hear(_wants_another_time(booked.sessions[0]))

    assert [each["kind"] for each in (await desk.ask("GET", "/work")).json()] == ["new_time_wanted"]


def _wants_another_time(session: BookedSession) -> VisitAnswered:
    return VisitAnswered(person_id=an_id("ana"), session_id=session.session_id, answer="new_time", at=clock.now())


async def test_lists_sessions_page_by_page(desk: Desk):
    (booked, *_) = await desk.hear(match())
    params = {"from": NOW.isoformat(), "to": (NOW + timedelta(days=200)).isoformat(), "limit": 5}

    found, cursor = [], {}
    while cursor is not None:
        page = (await desk.ask("GET", "/sessions", params={**params, **cursor})).json()
        found += page["sessions"]
        cursor = {"cursor": page["next"]} if page["next"] else None

    assert [each["session_id"] for each in found] == [str(each.session_id) for each in booked.sessions]
    assert found[0]["seats"] == [
        {"seat_id": str(booked.sessions[0].seat_id), "person_id": str(an_id("ana")), "outcome": None}
    ]


async def test_lists_by_state_and_supporter(desk: Desk):
    (booked, *_) = await desk.hear(match())
    await desk.record(booked.sessions[4], "cancelled_supporter")

    async def count(**params):
        return len((await desk.ask("GET", "/sessions", params=params)).json()["sessions"])

    assert await count(state="cancelled") == 1 and await count(state="booked", supporter=str(an_id("sam"))) == 11
    assert await count(supporter=str(an_id("kit"))) == 0


async def test_an_early_cancellation_is_early_and_a_late_one_late(desk: Desk):
    (booked, *_) = await desk.hear(match())
    first, second, *_ = booked.sessions
    clock.step_to(first.starts_at - timedelta(hours=23))

    said = [
        (
            await desk.hear(
                VisitAnswered(person_id=an_id("ana"), session_id=each.session_id, answer="cannot_come", at=clock.now())
            )
        )[0]
        for each in (first, second)
    ]

    assert [(each.by, each.late) for each in said] == [("person", True), ("person", False)]


async def test_an_answer_after_the_session_or_about_anothers_changes_nothing(desk: Desk):
    (booked, *_) = await desk.hear(match())
    first = booked.sessions[0]
    clock.step_to(first.ends_at)
    answers = [
        VisitAnswered(person_id=an_id("ana"), session_id=first.session_id, answer="cannot_come", at=clock.now()),
        VisitAnswered(person_id=an_id("bo"), session_id=first.session_id, answer="cannot_come", at=NOW),
        VisitAnswered(person_id=an_id("ana"), session_id=an_id("nowhere"), answer="cannot_come", at=NOW),
        VisitAnswered(person_id=an_id("ana"), session_id=booked.sessions[1].session_id, answer="coming", at=NOW),
    ]

    assert await desk.hear(*answers) == []
    assert (await desk.figures())["sessions_cancelled"] == 0


async def test_a_correction_needs_a_reason_and_recounts(desk: Desk):
    (booked, *_) = await desk.hear(supporter(), referral(), consent(), coverage(), match())
    first = booked.sessions[0]
    clock.step_to(first.ends_at)
    await desk.record(first)

    refused = await desk.record(first, "no_show")
    mended = await desk.record(first, "no_show", reason="wrong person ticked")

    assert (refused.status_code, refused.json()["errors"][0]["where"]) == (409, "body.reason")
    assert mended.status_code == 200
    (row,) = (await desk.covered())["sessions"]
    assert (row["outcome"], row["units_delivered"], row["reasons"], row["version"]) == ("no_show", 0, ["NO_SHOW"], 2)


async def test_a_note_that_follows_later_needs_no_reason(desk: Desk):
    (booked, *_) = await desk.hear(supporter(), referral(), consent(), coverage(), match())
    first = booked.sessions[0]
    clock.step_to(first.ends_at)

    await desk.record(first, note=None)
    before = (await desk.covered())["totals"]
    answer = await desk.record(first)

    assert answer.json()["changed"] is True
    assert (before["units_covered"], before["not_covered_by_reason"]) == (0, {"NO_NOTE": 3})
    assert (await desk.covered())["totals"]["units_covered"] == 3


@pytest.mark.parametrize(
    ("changes", "status", "where"),
    [
        ({"minutes": -1}, 422, "body.minutes"),
        ({"minutes": 0}, 422, "body.minutes"),
        ({"minutes": None}, 422, "body.minutes"),
        ({"minutes": 181}, 422, "body.minutes"),
        ({"minutes": "50"}, 422, "body.minutes"),
        ({"minutes": 50.5}, 422, "body.minutes"),
        ({"minutes": True}, 422, "body.minutes"),
        ({"minutes": 10**18}, 422, "body.minutes"),
        ({"outcome": "held"}, 422, "body.outcome"),
        ({"outcome": "no_show"}, 422, "body.minutes"),
        ({"by": ""}, 422, "body.by"),
        ({"by": "   "}, 422, "body.by"),
        ({"started_at": "2026-03-05"}, 422, "body.started_at"),
        ({"started_at": 1772740000}, 422, "body.started_at"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, 422, "body.started_at"),
        ({"started_at": "2026-03-06T22:00:00Z"}, 422, "body.started_at"),
        ({"started_at": "2026-03-05T23:00:00Z"}, 409, "body.started_at"),
        ({"note": {"signed": True}}, 422, "body.note"),
        ({"note": {"signed": "yes", "signed_by": "Sam"}}, 422, "body.note.signed"),
        ({"note": {"signed": False, "activity_codes": ["MENTOR"] * 8}}, 422, "body.note.activity_codes"),
        ({"note": {"signed": False, "text": "words"}}, 422, "body.note.text"),
        ({"covered": True}, 422, "body.covered"),
    ],
)
async def test_refuses_what_cannot_have_happened(edge: Desk, changes, status, where):
    (booked, *_) = await edge.hear(match())
    clock.step_to(booked.sessions[0].ends_at)
    before = await edge.figures()

    path = f"/sessions/{booked.sessions[0].session_id}/seats/{booked.sessions[0].seat_id}/outcome"
    body = {"outcome": "attended", "by": "Kim", "minutes": 50, **changes}
    answer = await edge.ask("POST", path, json={name: value for name, value in body.items() if value is not None})

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (status, where)
    assert await edge.figures() == before


async def test_refuses_an_outcome_before_the_session_of_a_cancelled_one_and_in_anothers_seat(desk: Desk):
    (booked, *_) = await desk.hear(match())
    first, second, *_ = booked.sessions
    await desk.record(second, "cancelled_programme")
    early = [await desk.record(first, outcome) for outcome in ("attended", "no_show")]
    clock.step_to(second.ends_at)

    gone = [await desk.record(second, outcome, reason="it did") for outcome in ("attended", "no_show")]
    strange = await desk.record(first.model_copy(update={"seat_id": second.seat_id}))
    unknown = await desk.record(first.model_copy(update={"session_id": uuid4()}))

    assert [each.status_code for each in [*early, *gone, strange, unknown]] == [409, 409, 409, 409, 404, 404]
    assert (await desk.figures())["seats_attended"] == 0


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"supporter_id": "sam"}, "body.supporter_id"),
        ({"person_id": None}, "body.person_id"),
        ({"local_start": "2026-03-10"}, "body.local_start"),
        ({"local_start": "2026-03-10T25:00"}, "body.local_start"),
        ({"local_start": "2026-02-30T09:00"}, "body.local_start"),
        ({"local_start": "2026-03-10T09:00Z"}, "body.local_start"),
        ({"local_start": "1026-03-10T09:00"}, "body.local_start"),
        ({"local_start": 1}, "body.local_start"),
        ({"zone": "Mars/Olympus"}, "body.zone"),
        ({"zone": "../../etc/passwd"}, "body.zone"),
        ({"zone": "America"}, "body.zone"),
        ({"zone": ""}, "body.zone"),
        ({"zone": 7}, "body.zone"),
        ({"minutes": 0}, "body.minutes"),
        ({"minutes": -50}, "body.minutes"),
        ({"minutes": 100000}, "body.minutes"),
        ({"minutes": "50"}, "body.minutes"),
        ({"modality": "smoke signals"}, "body.modality"),
        ({"series_id": "new"}, "body.series_id"),
        ({"extra": 1}, "body.extra"),
    ],
)
async def test_refuses_a_booking_that_makes_no_sense(edge: Desk, changes, where):
    answer = await edge.ask("POST", "/sessions", json={**BODY, **changes})

    assert answer.status_code == 422 and where in [each["where"] for each in answer.json()["errors"]]


async def test_a_question_may_carry_the_content_type_of_a_body_it_has_not(desk: Desk):
    headers = {"authorization": "Bearer agency-key", "content-type": "application/json"}

    assert (await desk.http.get("/sessions", headers=headers)).status_code == 200


async def test_a_content_type_in_capitals_is_read_as_strictly(desk: Desk):
    headers = {"authorization": "Bearer agency-key", "content-type": "Application/JSON; charset=UTF-8"}

    answer = await desk.http.post("/sessions", content=b'{"zone": 1, "zone": 2}', headers=headers)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["remedy"] == "an object names the same member twice; send each once"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"minutes": NaN}',
        b'{"minutes": 1, "minutes": 2}',
        b'{"zone": "\\ud800"}',
        b'{"zone": "a\\u0000"}',
        b"[" * 5000 + b"]" * 5000,
        b'{"minutes": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b" " * 70000,
    ],
)
@pytest.mark.parametrize("path", ["/sessions", f"/sessions/{an_id('a')}/seats/{an_id('b')}/outcome"])
async def test_refuses_a_malformed_body(edge: Desk, raw, path):
    headers = {"authorization": "Bearer agency-key", "content-type": "application/json"}

    answer = await edge.http.post(path, content=raw, headers=headers)

    assert answer.status_code in (400, 413, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("params", "where"),
    [
        ({"from": "yesterday"}, "query.from"),
        ({"from": "1772323200"}, "query.from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "query.from"),
        ({"to": "2026-03-10T00:00:00"}, "query.to"),
        ({"state": "planned"}, "query.state"),
        ({"supporter": "sam"}, "query.supporter"),
        ({"limit": "0"}, "query.limit"),
        ({"limit": "5000"}, "query.limit"),
        ({"cursor": "!!!"}, "query.cursor"),
        ({"cursor": "e30"}, "query.cursor"),
        ({"cursor": "é" * 20}, "query.cursor"),
        ({"until": "2026-03-10"}, "query.until"),
    ],
)
async def test_refuses_a_listing_that_makes_no_sense(edge: Desk, params, where):
    answer = await edge.ask("GET", "/sessions", params=params)

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, where)


@pytest.mark.parametrize("who", ["hospital", "garden"])
async def test_is_for_the_programmes_own_people_only(edge: Desk, who):
    found = [await edge.ask("POST", "/sessions", who=who, json=BODY), await edge.ask("GET", "/sessions", who=who)]

    assert [each.status_code for each in found] == [403, 403]
    assert (await edge.http.get("/sessions")).status_code == 401


@pytest.mark.parametrize(
    ("series", "status"), [("unknown", 404), ("anothers", 404), ("ended", 409), ("same_start", 409)]
)
async def test_refuses_a_series_that_cannot_grow(desk: Desk, series, status):
    (booked, *_) = await desk.hear(match())
    mine = {**BODY, "person_id": str(an_id("ana")), "series_id": str(booked.series_id)}
    if series == "ended":
        for each in booked.sessions:
            await desk.record(each, "cancelled_programme")
    if series == "same_start":
        await desk.record(booked.sessions[0], "cancelled_programme")
        mine |= {"local_start": booked.sessions[0].local_start}
    body = mine | {"unknown": {"series_id": str(uuid4())}, "anothers": {"person_id": str(an_id("bo"))}}.get(series, {})

    answer = await desk.ask("POST", "/sessions", json=body)

    assert answer.status_code == status and answer.json()["errors"][0]["where"] in (
        "body.series_id",
        "body.local_start",
    )
