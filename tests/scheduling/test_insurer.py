"""What an insurer is told on either edge, and what it can never find out."""

import json
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, text

from services.scheduling.http.insurer import named_twice
from services.scheduling.store.tables import disclosures
from shared import clock
from shared.events.matching import Slot
from shared.events.referrals import ConsentRevoked
from shared.mailbox import Ingested
from tests.scheduling.makers import Desk, an_id, consent, coverage, match, referral, supporter

FIELDS = {
    "session_id", "seat_id", "member_id", "plan_id", "service_date", "started_at", "ended_at", "minutes", "version",
    "code", "modifiers", "place_of_service", "modality", "outcome", "units_delivered", "units_covered",
    "units_not_covered", "reasons", "authorisation", "authorised_units_left", "rendering_npi", "taxonomy",
    "note_signed", "rule_version", "updated_at",
}  # fmt: skip
RANGE = {"from": "2026-03-01", "to": "2026-12-31"}
EMPTY = {"sessions": [], "next": None}


async def held(desk: Desk, name: str = "ana", count: int = 1, minutes: int = 50, *, agreed: bool = True, **whose):
    """This will let a person keep `count` sessions under a coverage, and give the sessions."""
    n = sum(map(ord, name))
    mine = {"person_id": an_id(name), "referral_id": an_id(f"{name}'s referral")}
    long = {"first_minutes": 240, "minutes": 240} if minutes > 150 else {}
    slot = Slot(weekday=n % 5, start=f"{9 + n % 8:02}:00")
    facts = [
        supporter(supporter_id=an_id(f"{name}'s")),
        referral(**mine),
        coverage(**mine, **{"member_id": name, **whose}),
    ]
    agreement = [consent(person_id=an_id(name), consent_id=an_id(f"{name}'s consent"))] if agreed else []
    plan = match(**mine, match_id=an_id(f"{name}'s match"), supporter_id=an_id(f"{name}'s"), slots=[slot], **long)
    said = await desk.hear(*facts, *agreement, plan)
    (booked,) = [each for each in said if hasattr(each, "sessions")]
    for each in booked.sessions[:count]:
        clock.step_to(each.ends_at)
        assert (await desk.record(each, minutes=minutes)).status_code == 200
    return booked.sessions


async def on_bus(desk: Desk, body: object, payer: str = "garden", handler=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = Ingested(payer, "covered-sessions", raw, "application/json", "m1")
    async with desk.service.database.transaction() as db:
        return await (handler or desk.service.mailbox.board.questions["covered-sessions"])(asked, db)


async def test_gives_the_fields_of_the_domain_and_no_others(desk: Desk):
    await held(desk, member_id="G-7")

    told = await desk.covered()

    (row,) = told["sessions"]
    assert set(row) == FIELDS and set(told) == {"disclosure", "sessions", "totals", "next"}
    assert (row["member_id"], row["note_signed"], row["rendering_npi"], row["taxonomy"]) == (
        "G-7",
        True,
        "1234567893",
        "175T00000X",
    )
    assert told["totals"] == {
        "sessions": 1, "minutes": 50, "units_delivered": 3, "units_covered": 3, "units_not_covered": 0,
        "not_covered_by_reason": {}, "members": None,
    }  # fmt: skip


async def test_both_edges_answer_alike(desk: Desk):
    await held(desk, "ana", 3)
    await held(desk, "bo", 2, minutes=300)

    for more in (
        {},
        {"covered": "partial"},
        {"member_id": "ana", "birth_date": "1990-05-06"},
        {"limit": 2},
        {"code": "H0038"},
    ):
        assert await on_bus(desk, {**RANGE, **more}) == await desk.covered(**more)


async def test_an_insurer_sees_its_own_members_only(desk: Desk):
    await held(desk, "ana")
    await held(desk, "bo", payer="carolina", plan_id="P1-CAROLINA-MCO", ordered_on="2026-01-01")

    seen = {
        who: [row["member_id"] for row in (await desk.covered(who=who))["sessions"]] for who in ("garden", "carolina")
    }

    assert seen == {"garden": ["ana"], "carolina": ["bo"]}
    assert (await desk.covered(member_id="bo", birth_date="1990-05-06"))["sessions"] == []


@pytest.mark.parametrize(
    "withheld",
    [
        {"agreed": False},
        {"restricted": True},
        {"plan_id": "P0-GRANT"},
        {"payer": "carolina"},
    ],
)
async def test_what_is_withheld_looks_like_what_was_never_there(desk: Desk, withheld):
    await held(desk, "ana", 2, **withheld)

    unknown = await desk.covered(member_id="nobody", birth_date="1990-05-06")

    for asked in (
        {"member_id": "ana", "birth_date": "1990-05-06"},
        {},
        {"covered": "no"},
        {"changed_since": "2026-01-01T00:00:00Z"},
    ):
        assert await desk.covered(**asked) == unknown
    assert unknown | EMPTY == unknown and unknown["totals"]["members"] == 0


async def test_the_wrong_birth_date_looks_like_an_unknown_member(desk: Desk):
    await held(desk, "ana")

    assert await desk.covered(member_id="ana", birth_date="1990-05-07") == await desk.covered(
        member_id="x", birth_date="1990-05-07"
    )


async def test_part_2_needs_a_consent_that_covers_it_and_a_revocation_stops_the_next_answer(desk: Desk):
    await held(desk, "ana", agreed=False)
    await desk.hear(consent(part2=False))
    before = await desk.covered()
    await desk.hear(consent(consent_id=an_id("wider")))
    open_now = await desk.covered()

    await desk.hear(ConsentRevoked(consent_id=an_id("wider"), person_id=an_id("ana"), revoked_at=clock.now()))

    assert [len(each["sessions"]) for each in (before, open_now, await desk.covered())] == [0, 1, 0]


async def test_what_was_withheld_is_not_in_the_totals_or_the_pages_of_others(desk: Desk):
    await held(desk, "ana", 2, minutes=300)
    await held(desk, "bo", 4, minutes=300, agreed=False)

    told = await desk.covered(limit=2)

    assert (told["totals"]["sessions"], told["totals"]["not_covered_by_reason"], told["next"]) == (
        2,
        {"DAY_CAP": 8},
        None,
    )


async def test_pages_give_every_row_once_in_order(desk: Desk):
    await held(desk, "ana", 5)
    await held(desk, "bo", 4)
    whole = (await desk.covered())["sessions"]

    for more in ({}, {"changed_since": "2026-03-01T00:00:00Z"}):
        found, cursor = [], {}
        while cursor is not None:
            page = await desk.covered(limit=2, **more, **cursor)
            found += page["sessions"]
            cursor = {"cursor": page["next"]} if page["next"] else None
        assert sorted(found, key=str) == sorted(whole, key=str) and len(found) == 9
    assert [row["service_date"] for row in whole] == sorted(row["service_date"] for row in whole)


async def test_a_page_on_the_bus_ends_where_the_message_is_full(desk: Desk):
    await held(desk, "ana", 5)
    answer = partial(desk.service.mailbox.board.questions["covered-sessions"], room=1500)

    found, cursor = [], {}
    while cursor is not None:
        page = await on_bus(desk, {**RANGE, **cursor}, handler=answer)
        assert 1 <= len(page["sessions"]) <= 2 and len(json.dumps(page)) < 2500
        found += page["sessions"]
        cursor = {"cursor": page["next"]} if page["next"] else None

    assert found == (await desk.covered())["sessions"]


async def test_tells_what_changed_since(desk: Desk):
    first, *_ = await held(desk, "ana", 2)
    since = (clock.now() + timedelta(hours=1)).isoformat()
    clock.step_to(clock.now() + timedelta(hours=2))
    before = (await desk.covered(changed_since=since))["sessions"]

    await desk.record(first, "attended", minutes=20, reason="the clock was wrong")

    after = (await desk.covered(changed_since=since))["sessions"]
    assert (len(before), [(row["session_id"], row["units_covered"], row["version"]) for row in after]) == (
        0,
        [(str(first.session_id), 1, 2)],
    )


async def test_a_held_session_that_was_really_cancelled_is_told_as_not_held(desk: Desk):
    first, *_ = await held(desk, "ana")

    await desk.record(first, "cancelled_supporter", reason="recorded in the wrong row")

    (row,) = (await desk.covered())["sessions"]
    assert (row["outcome"], row["units_delivered"], row["reasons"], row["started_at"]) == (
        "cancelled_supporter",
        0,
        ["NOT_HELD"],
        None,
    )


async def test_a_cancellation_alone_is_not_told_to_the_insurer(desk: Desk):
    sessions = await held(desk, "ana")

    await desk.record(sessions[1], "cancelled_person")

    assert (await desk.covered())["totals"]["sessions"] == 1


async def test_tells_the_number_of_members_from_eleven_on(desk: Desk):
    for each in range(10):
        await held(desk, f"member {each}")
    ten = (await desk.covered())["totals"]["members"]
    await held(desk, "one more")

    assert (ten, (await desk.covered())["totals"]["members"]) == (None, 11)


async def test_narrows_down_by_what_is_covered(desk: Desk):
    await held(desk, "ana", minutes=300)
    await held(desk, "bo")
    await held(desk, "cy", minutes=5)

    found = {
        wanted: [row["member_id"] for row in (await desk.covered(covered=wanted))["sessions"]]
        for wanted in ("yes", "partial", "no")
    }

    assert found == {"yes": ["bo"], "partial": ["ana"], "no": ["cy"]}
    assert (await desk.covered(code="H9999"))["sessions"] == []


async def test_dates_of_service_are_inclusive(desk: Desk):
    (first, *_) = await held(desk, "ana")
    day = first.local_start[:10]

    assert len((await desk.covered(**{"from": day, "to": day}))["sessions"]) == 1


WRONG = [
    ({"from": "2026-03-01"}, "to"),
    ({"to": "2026-03-01"}, "from"),
    ({**RANGE, "from": "March"}, "from"),
    ({**RANGE, "from": "2026-3-1"}, "from"),
    ({**RANGE, "from": "1772323200"}, "from"),
    ({**RANGE, "to": "2026-02-30"}, "to"),
    ({"from": "2026-03-02", "to": "2026-03-01"}, ""),
    ({"from": "2026-01-01", "to": "2027-01-02"}, ""),
    ({**RANGE, "member_id": "ana"}, ""),
    ({**RANGE, "birth_date": "1990-05-06"}, ""),
    ({**RANGE, "member_id": "", "birth_date": "1990-05-06"}, "member_id"),
    ({**RANGE, "member_id": "x" * 65, "birth_date": "1990-05-06"}, "member_id"),
    ({**RANGE, "code": "h0038'--"}, "code"),
    ({**RANGE, "covered": "maybe"}, "covered"),
    ({**RANGE, "limit": "0"}, "limit"),
    ({**RANGE, "limit": "1001"}, "limit"),
    ({**RANGE, "limit": "many"}, "limit"),
    ({**RANGE, "cursor": "zzz"}, "cursor"),
    ({**RANGE, "cursor": "WyIyMDI2LTAzLTAxIiwgIngiXQ"}, "cursor"),
    ({**RANGE, "changed_since": "2026-03-01"}, "changed_since"),
    ({**RANGE, "changed_since": "1772323200"}, "changed_since"),
    ({**RANGE, "changed_since": "0001-01-01T00:00:00+14:00"}, "changed_since"),
    ({**RANGE, "payer": "carolina"}, "payer"),
]


@pytest.mark.parametrize(("asked", "where"), WRONG)
async def test_refuses_a_question_that_makes_no_sense_on_both_edges(edge: Desk, asked, where):
    answer = await edge.ask("GET", "/covered-sessions", who="garden", params=asked)
    told = (await on_bus(edge, asked))["error"]

    assert (answer.status_code, told["status"]) == (422, 422)
    assert answer.json()["errors"][0]["where"] == (f"query.{where}" if where else "query")
    assert told["errors"][0]["where"] == (f"$.{where}" if where else "$")
    assert told["errors"][0]["remedy"] and "x" * 65 not in answer.text


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"7", b"null", b'{"from": NaN}', b'{"from": "a", "from": "b"}', b"\xff", b"[" * 999]
)
async def test_refuses_what_is_not_a_question_on_the_bus(edge: Desk, raw):
    assert (await on_bus(edge, raw))["error"]["errors"][0]["where"].startswith("$")


async def test_refuses_whoever_is_no_payer(edge: Desk):
    found = [await edge.ask("GET", "/covered-sessions", who=who, params=RANGE) for who in ("agency", "hospital")]

    assert [each.status_code for each in found] == [403, 403]
    assert (await edge.http.get("/covered-sessions", params=RANGE)).status_code == 401
    assert [(await on_bus(edge, RANGE, payer=each))["error"]["status"] for each in ("hospital", "unknown")] == [
        403,
        403,
    ]


async def test_refuses_a_parameter_that_is_named_twice(edge: Desk):
    answer = await edge.ask("GET", "/covered-sessions?from=2026-03-01&to=2026-03-02&to=2026-03-03", who="garden")

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "query.to")


async def test_logs_every_answer_without_the_members_number_in_clear(desk: Desk):
    await held(desk, "ana", member_id="G-CANARY")
    await desk.covered(member_id="G-CANARY", birth_date="1990-05-06")
    await on_bus(desk, {**RANGE, "covered": "yes"})

    async with desk.service.database.reading() as db:
        rows = (await db.execute(select(disclosures).order_by(disclosures.c.edge.desc()))).mappings().all()
        raw = str(
            (await db.execute(text("select * from disclosures"))).all()
            + (await db.execute(text("select * from coverages"))).all()
        )
    assert [(row["edge"], row["payer"], row["count"], row["purpose"]) for row in rows] == [
        ("http", "garden", 1, "payment"),
        ("bus", "garden", 1, "payment"),
    ]
    assert [row["filters"] for row in rows] == [["birth_date", "from", "member_id", "to"], ["covered", "from", "to"]]
    assert rows[0]["asked"]["member_id"] == "G-CANARY" and "CANARY" not in raw and "1990-05-06" not in raw


def test_compares_no_parameter_with_every_other():
    compared = 0

    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            nonlocal compared
            compared += 1
            return str(self) == str(other)

    names = [Name(f"p{each}") for each in range(1000)]

    assert named_twice(names) is None and named_twice([*names, Name("p7")]) == "p7"
    assert compared < 3000
