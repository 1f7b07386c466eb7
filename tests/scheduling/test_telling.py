"""What insurers tell of members: it counts from then on, on its own days; it tells them nothing about who is here."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, text

from services.scheduling.rules.authorisations import Authorisation
from services.scheduling.rules.heeding import contradictions
from services.scheduling.rules.told import Span
from services.scheduling.store.tables import statements
from shared import clock
from shared.events.scheduling import CoverageChanged
from shared.work import close_by_id
from tests.scheduling.makers import (
    NOW,
    Desk,
    an_id,
    carolina,
    consent,
    coverage,
    delivered,
    match,
    membership,
    referral,
    supporter,
)
from tests.scheduling.test_coverage import DAY, PLANS, in_order, one

AS_OF = "2026-03-01T12:00:00Z"
LATER = "2026-03-01T13:00:00Z"
MEMBER = {"member_id": "G-1001", "birth_date": "1990-05-06", "as_of": AS_OF}


def spans(*told: tuple[str, str, str | None]) -> tuple[Span, ...]:
    """Days of coverage: (plan, first, last)."""
    return tuple(Span.model_validate({"plan_id": plan, "from": first, "to": last}) for plan, first, last in told)


def covering(*told: tuple[str, str | None], plan: str = "P3-GARDEN-SUD", **changes: Any) -> dict[str, Any]:
    """An insurer's word that Ana is covered on these days."""
    return {**MEMBER, "spans": [{"plan_id": plan, "from": first, "to": last} for first, last in told], **changes}


def authorising(**changes: Any) -> dict[str, Any]:
    """Carolina's word that Ana has 10 units until the end of June; None takes a member away."""
    valid = {
        **MEMBER,
        "authorisation": "A-77",
        "status": "approved",
        "code": "H0038",
        "units": 10,
        "from": "2026-01-01",
        "to": "2026-06-30",
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


async def kept(desk: Desk, count: int = 1, minutes: int = 50, **insured: Any) -> list[Any]:
    """Ana keeps `count` sessions, by referral covered by Garden; gives them."""
    said = await desk.hear(supporter(), referral(), consent(), coverage(**insured), match())
    (booked,) = [each for each in said if hasattr(each, "sessions")]
    for each in booked.sessions[:count]:
        clock.step_to(each.ends_at)
        assert (await desk.record(each, minutes=minutes)).status_code == 200
    return list(booked.sessions)


async def units(desk: Desk, who: str = "garden") -> list[tuple[int, list[str]]]:
    """What is covered of each session, and why not the rest."""
    return [(row["units_covered"], row["reasons"]) for row in (await desk.covered(who=who))["sessions"]]


# Days and plans


def test_the_insurers_own_days_decide_and_not_the_referrals():
    ended = membership(covered_to=date(2026, 12, 31), spans=spans(("P3-GARDEN-SUD", "2025-01-01", "2026-03-01")))
    goes_on = membership(covered_to=date(2026, 1, 31), spans=spans(("P3-GARDEN-SUD", "2025-01-01", None)))
    never = membership(spans=())

    found = [one(delivered(coverage=each)) for each in (ended, goes_on, never)]

    assert [(each.units_covered, each.reasons) for each in found] == [
        (0, ["NOT_ELIGIBLE_ON_DOS"]),
        (3, []),
        (0, ["NOT_ELIGIBLE_ON_DOS"]),
    ]


def test_a_session_counts_under_the_plan_of_its_own_day():
    moved = carolina(
        plan_id="P3-GARDEN-SUD",
        spans=spans(("P3-GARDEN-SUD", "2025-01-01", "2026-03-02"), ("P1-CAROLINA-MCO", "2026-03-03", None)),
    )

    found = in_order([delivered(coverage=moved, started_at=NOW + each * DAY) for each in range(2)])

    assert [(each.plan_id, each.units_covered) for each in found] == [("P3-GARDEN-SUD", 3), ("P1-CAROLINA-MCO", 3)]


@pytest.mark.parametrize("kept_from_it", [{"restricted": True}, {"plan_id": "P0-GRANT"}])
def test_an_insurer_has_no_word_in_what_is_kept_from_it(kept_from_it):
    alone = membership(**kept_from_it)
    told = membership(**kept_from_it, spans=spans(("P3-GARDEN-SUD", "2025-01-01", None)))

    seat = an_id("seat")
    assert one(delivered(seat_id=seat, coverage=told)) == one(delivered(seat_id=seat, coverage=alone))
    assert contradictions(told, [NOW.date()], PLANS) == []


async def test_a_later_end_of_coverage_counts_for_what_was_held(desk: Desk):
    first, *_ = await kept(desk, 2)
    before = await units(desk)

    (told,) = await desk.post("coverage", covering(("2025-01-01", first.local_start[:10])))

    assert (told["status"], told["outcome"]) == ("accepted", "taken")
    assert (before, await units(desk)) == ([(3, []), (3, [])], [(3, []), (0, ["NOT_ELIGIBLE_ON_DOS"])])
    assert [(each.units_covered, each.reasons) for each in desk.said if isinstance(each, CoverageChanged)] == [
        (0, ["NOT_ELIGIBLE_ON_DOS"])
    ]


async def test_what_an_insurer_told_before_the_referral_came_counts_when_it_comes(desk: Desk):
    await desk.post("coverage", covering(("2025-01-01", "2026-03-03")))

    await kept(desk, 1)

    assert await units(desk) == [(0, ["NOT_ELIGIBLE_ON_DOS"])]
    assert [each.kind for each in await desk.work()] == ["coverage_differs"]


async def test_a_correction_takes_the_place_of_what_was_told_before(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering(as_of=AS_OF))
    wrong = await units(desk)

    await desk.post("coverage", covering(("2025-01-01", None), as_of=LATER))

    assert (wrong, await units(desk)) == ([(0, ["NOT_ELIGIBLE_ON_DOS"])], [(3, [])])
    assert await desk.work() == []


async def test_what_is_older_than_what_is_known_changes_nothing(desk: Desk):
    await kept(desk, 1)

    told = [
        *await desk.post("coverage", covering(as_of=LATER)),
        *await desk.post("coverage", covering(("2025-01-01", None))),
    ]

    assert [each["outcome"] for each in told] == ["taken", "older"]
    assert await units(desk) == [(0, ["NOT_ELIGIBLE_ON_DOS"])]


async def test_the_same_again_changes_nothing(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering())
    before = await desk.covered()

    told = await desk.post("coverage", covering(), covering())

    assert [each["outcome"] for each in told] == ["known", "known"]
    assert desk.said == [] and await desk.covered() == before


async def rings(desk: Desk) -> Any:
    """How often anybody was to look who a member is."""
    async with desk.service.database.reading() as db:
        return (await db.execute(text("select count(*) from timers where type like '%insurer-told%'"))).scalar()


async def test_the_same_words_as_of_a_later_moment_are_known_and_counted_once(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering())

    told = await desk.post("coverage", covering(as_of=LATER), covering(as_of="2026-03-01T14:00:00Z"))

    assert [each["outcome"] for each in told] == ["known", "known"]
    assert await rings(desk) == 1


async def test_the_same_words_as_of_a_later_moment_outlast_others_from_between(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering(), covering(as_of="2026-03-01T14:00:00Z"))

    (told,) = await desk.post("coverage", covering(("2025-01-01", None), as_of=LATER))

    assert told["outcome"] == "older"
    assert await units(desk) == [(0, ["NOT_ELIGIBLE_ON_DOS"])]


async def test_what_follows_the_same_words_in_one_batch_still_rings(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering())

    told = await desk.post(
        "coverage", covering(as_of=LATER), covering(("2025-01-01", None), as_of="2026-03-01T14:00:00Z")
    )

    assert [each["outcome"] for each in told] == ["known", "taken"]
    assert await units(desk) == [(3, [])]


async def test_posts_that_come_together_count_in_their_order(desk: Desk):
    told = await desk.post("coverage", covering(), covering(("2025-01-01", None), as_of=LATER), covering(as_of=LATER))

    assert [each.get("outcome") for each in told] == ["taken", "taken", None]
    assert told[2]["errors"] == [
        {"where": "$.as_of", "remedy": "you told something else as of this moment: send a later one"}
    ]


async def test_a_second_change_at_the_same_moment_of_domain_time_is_counted_too(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering())

    await desk.post("coverage", covering(("2025-01-01", None), as_of=LATER))

    assert await rings(desk) == 2
    assert await units(desk) == [(3, [])]


# What an insurer can find out


async def test_what_is_told_of_nobody_here_is_forgotten_after_a_year(desk: Desk):
    await kept(desk)
    await desk.post("coverage", covering(("2025-01-01", None)), covering(("2025-01-01", None), member_id="G-9999"))

    told, after = clock.now(), []
    for days in (399, 401, 802):
        clock.step_to(told + timedelta(days=days))
        today = {"as_of": clock.now().isoformat(), "member_id": "G-2222"}
        await desk.post("coverage", covering(("2025-01-01", None), **today))
        after.append(await told_of(desk))

    assert [len(each) for each in after] == [3, 2, 2]
    assert await units(desk) == [(3, [])], "what is told of a member counts on"


async def test_it_is_forgotten_though_no_insurer_posts_any_more(desk: Desk):
    await kept(desk)
    await desk.post("coverage", covering(("2025-01-01", None)))
    strangers = [covering(("2025-01-01", None), member_id=f"S-{each}") for each in range(600)]
    await desk.post("coverage", *strangers)

    clock.step_to(clock.now() + timedelta(days=402))
    while await desk.service.mailbox.timers.once():
        pass

    assert len(await told_of(desk)) == 1


async def told_of(desk: Desk) -> set[str]:
    """The members, by fingerprint, of whom something is kept that an insurer told."""
    async with desk.service.database.reading() as db:
        return set((await db.execute(select(statements.c.member_key))).scalars())


async def test_a_member_of_the_programme_and_a_stranger_are_answered_the_same(desk: Desk):
    await kept(desk, 1)
    stranger = {"member_id": "G-9999"}

    for change in ({}, {"as_of": LATER}, {"as_of": AS_OF}, {"spans": [{"plan_id": "P9", "from": "2026-01-01"}]}):
        mine, theirs = [await desk.post("coverage", {**covering(), **who, **change}) for who in ({}, stranger)]
        assert mine == theirs
    for change in ({}, {"status": "denied", "units": None, "from": None, "to": None, "as_of": LATER}, {"code": "X"}):
        mine, theirs = [
            await desk.post("authorization", {**authorising(**change), **who}, who="carolina") for who in ({}, stranger)
        ]
        assert mine == theirs


async def test_an_answer_is_given_before_anybody_looks_who_the_member_is(desk: Desk):
    await kept(desk, 1)
    asked: list[str] = []
    event.listen(desk.service.database.engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))

    found = []
    for each in ("G-1001", "a stranger"):
        asked.clear()
        await desk.post("coverage", covering(member_id=each))
        answered = next(place for place, words in enumerate(asked) if words.startswith("INSERT INTO timers"))
        found.append(asked[:answered])

    assert found[0] == found[1] and not any("coverages" in words for words in found[0])


async def test_an_insurer_speaks_of_its_own_members_only(desk: Desk):
    await kept(desk, 1)

    (told,) = await desk.post("coverage", covering(plan="P1-CAROLINA-MCO"), who="carolina")

    assert told["outcome"] == "taken"
    assert await units(desk) == [(3, [])]


async def test_a_member_is_known_by_number_and_birth_date_together(desk: Desk):
    await kept(desk, 1)

    await desk.post("coverage", covering(birth_date="1990-05-07"), covering(member_id="G-1002"))

    assert await units(desk) == [(3, [])]


async def test_a_self_paid_coverage_stays_hidden_whatever_the_insurer_says(desk: Desk):
    await kept(desk, 1, restricted=True)
    nothing = await desk.covered()

    await desk.post("coverage", covering(("2025-01-01", None)))
    await desk.post("authorization", authorising(code="H0038"))

    assert await desk.covered() == nothing and nothing["sessions"] == []
    assert desk.said == [] and await desk.work() == []


async def test_what_is_told_is_kept_sealed_and_by_fingerprint(desk: Desk):
    await desk.post("coverage", covering(("2025-01-01", "2026-02-03"), member_id="G-CANARY"))
    await desk.post("authorization", authorising(member_id="G-CANARY", authorisation="A-CANARY"))

    async with desk.service.database.reading() as db:
        tables = [
            (await db.execute(text(f"select * from {each}"))).all() for each in ("statements", "timers", "outbox")
        ]
    assert tables[0] and tables[2] and "CANARY" not in str(tables) and "2026-02-03" not in str(tables)


# Where an insurer and a referral contradict


def test_names_the_days_that_differ_and_counts_the_rest():
    told = membership(spans=spans(("P3-GARDEN-SUD", "2026-03-03", None)))

    found = contradictions(told, [NOW.date() - timedelta(days=each) for each in range(-1, 7)], PLANS)

    assert found[0] == "2026-02-24: the referral says P3-GARDEN-SUD, the insurer says not covered"
    assert found[-1] == "and 2 days more" and len(found) == 6


@pytest.mark.parametrize(
    ("mine", "told", "found"),
    [
        ({}, {}, []),
        ({"authorised_units": 3}, {}, []),
        ({"authorised_units": 2}, {}, []),
        ({"authorised_units": 4}, {}, ["authorisation A-1: the referral says 4 units, the insurer says 3 units"]),
        (
            {},
            {"counts": False},
            ["authorisation A-1: the referral says that it counts, the insurer says that it does not count"],
        ),
        ({"authorised_units": 4}, {"number": "A-2"}, []),
    ],
)
def test_it_is_no_contradiction_to_say_more_than_the_referral(mine, told, found):
    both = carolina(authorisation="A-1", authorisations=(granted(**told),), **mine)

    assert contradictions(both, [NOW.date()], PLANS) == found


async def test_a_person_looks_at_a_contradiction_until_it_is_gone(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering(("2025-01-01", None), plan="P3-GARDEN-PLUS"))

    (task,) = await desk.work()

    assert (task.kind, task.owner, task.about) == ("coverage_differs", "billing", str(an_id("ana")))
    assert "the referral says P3-GARDEN-SUD, the insurer says P3-GARDEN-PLUS" in (task.note or "")
    await desk.post("coverage", covering(("2025-01-01", None), as_of=LATER))
    assert await desk.work() == []


async def looked_at(desk: Desk) -> None:
    """Billing looks at the one task there is, and has done it."""
    (task,) = await desk.work()
    async with desk.service.database.transaction() as db:
        await close_by_id(db, task.task_id, "Kim Lee")


async def test_a_contradiction_that_somebody_looked_at_comes_back_only_when_it_changes(desk: Desk):
    ended, began = ("2025-01-01", "2026-03-01"), ("2026-03-01", None)
    await kept(desk, 1)
    await desk.post("coverage", covering(ended))
    await looked_at(desk)

    await desk.post("coverage", covering(("2024-01-01", "2026-03-01"), as_of=LATER))
    await desk.hear(coverage())
    same = await desk.work()
    await desk.post("coverage", covering(began, plan="P3-GARDEN-PLUS", as_of="2026-03-01T14:00:00Z"))

    (task,) = await desk.work()
    assert same == [] and "the insurer says P3-GARDEN-PLUS" in (task.note or "")


async def test_a_contradiction_that_was_gone_and_comes_back_is_looked_at_again(desk: Desk):
    await kept(desk, 1)
    await desk.post("coverage", covering())
    await looked_at(desk)
    await desk.post("coverage", covering(("2025-01-01", None), as_of=LATER))
    gone = await desk.work()

    await desk.post("coverage", covering(as_of="2026-03-01T14:00:00Z"))

    assert (gone, [each.kind for each in await desk.work()]) == ([], ["coverage_differs"])


async def test_a_contradiction_that_stays_keeps_the_time_by_which_somebody_looks(desk: Desk):
    await desk.hear(supporter(), referral(), consent(), coverage())
    await desk.post("coverage", covering())
    before = await desk.work()
    clock.step_to(NOW + timedelta(days=1))

    await desk.post("coverage", covering(("2020-01-01", "2020-12-31"), as_of=LATER))

    assert await desk.work() == before and len(before) == 1
    assert "at present: the referral says P3-GARDEN-SUD, the insurer says not covered" in (before[0].note or "")


# Authorisations


def granted(**changes: Any) -> Any:
    return Authorisation(**{"number": "A-1", "units": 3, "code": "H0038", "first": date(2026, 1, 1), **changes})


def used_up_free_units(*authorisations: Any, **mine: Any) -> list[Any]:
    """Three sessions of five units after 24 free ones, under these authorisations of the insurer."""
    whose = carolina(authorisations=authorisations, **mine)
    before = [delivered(coverage=whose, minutes=360, started_at=NOW - DAY)]
    return in_order([*before, *(delivered(coverage=whose, minutes=75, started_at=NOW + n * DAY) for n in range(3))])[1:]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ((), [(0, ["NO_AUTH"])] * 3),
        ((granted(units=8),), [(5, []), (3, ["AUTH_UNITS_EXHAUSTED"]), (0, ["AUTH_UNITS_EXHAUSTED"])]),
        (
            (granted(last=date(2026, 3, 2)),),
            [(3, ["AUTH_UNITS_EXHAUSTED"]), (0, ["AUTH_EXPIRED"]), (0, ["AUTH_EXPIRED"])],
        ),
        ((granted(first=date(2026, 3, 4), units=9),), [(0, ["NO_AUTH"]), (0, ["NO_AUTH"]), (5, [])]),
        ((granted(counts=False),), [(0, ["NO_AUTH"])] * 3),
        ((granted(code="H2015"),), [(0, ["NO_AUTH"])] * 3),
    ],
)
def test_an_authorisation_counts_for_its_service_on_its_days(told, found):
    assert [(each.units_covered, each.reasons) for each in used_up_free_units(*told)] == found


def test_the_authorisation_that_ends_first_is_used_up_first():
    soon, long = granted(number="SOON", units=6, last=date(2026, 3, 31)), granted(number="LONG", units=100)

    found = used_up_free_units(long, soon)

    assert [(each.authorisation, each.units_covered, each.authorised_left) for each in found] == [
        ("SOON", 5, 1),
        ("SOON", 1, 0),
        ("LONG", 5, 95),
    ]


def test_of_one_number_the_insurers_word_counts_and_not_the_referrals():
    mine = {"authorisation": "A-1", "authorised_units": 100}

    assert [each.units_covered for each in used_up_free_units(**mine)] == [5, 5, 5]
    assert [each.units_covered for each in used_up_free_units(granted(units=7), **mine)] == [5, 2, 0]
    assert [each.units_covered for each in used_up_free_units(granted(counts=False), **mine)] == [0, 0, 0]
    assert [each.units_covered for each in used_up_free_units(granted(number="A-2", units=1), **mine)] == [1, 5, 5]


async def test_an_authorisation_that_was_told_of_counts_in_the_recount(desk: Desk):
    insured = {"payer": "carolina", "plan_id": "P1-CAROLINA-MCO", "ordered_on": "2026-01-01"}
    await kept(desk, 4, 150, **insured)
    before = await units(desk, "carolina")

    await desk.post("authorization", authorising(), who="carolina")

    rows = (await desk.covered(who="carolina"))["sessions"]
    assert before == [(10, []), (10, []), (4, ["NO_AUTH"]), (0, ["NO_AUTH"])]
    assert [row["units_covered"] for row in rows] == [10, 10, 10, 4]
    assert [(row["authorisation"], row["authorised_units_left"]) for row in rows[2:]] == [("A-77", 4), ("A-77", 0)]


async def test_an_authorisation_is_reduced_denied_and_cancelled(desk: Desk):
    insured = {"payer": "carolina", "plan_id": "P1-CAROLINA-MCO", "ordered_on": "2026-01-01"}
    await kept(desk, 3, 150, authorisation="A-77", authorised_units=20, **insured)
    nothing = {"units": None, "from": None, "to": None}
    found = [(await units(desk, "carolina"))[2], [each.note for each in await desk.work()]]

    for hour, change in enumerate([{"status": "reduced", "units": 2}, {"status": "denied", **nothing}, {}], 1):
        as_of = (datetime.fromisoformat(AS_OF) + timedelta(hours=hour)).isoformat()
        (told,) = await desk.post("authorization", authorising(as_of=as_of, **change), who="carolina")
        assert told["outcome"] == "taken"
        found += [(await units(desk, "carolina"))[2], [each.note for each in await desk.work()]]

    assert found == [
        (10, []),
        [],
        (6, ["AUTH_UNITS_EXHAUSTED"]),
        ["authorisation A-77: the referral says 20 units, the insurer says 2 units"],
        (4, ["NO_AUTH"]),
        ["authorisation A-77: the referral says 20 units, the insurer says that it does not count"],
        (10, []),
        ["authorisation A-77: the referral says 20 units, the insurer says 10 units"],
    ]


async def test_an_authorisation_that_came_before_the_referral_counts_when_it_comes(desk: Desk):
    await desk.post("authorization", authorising(), who="carolina")

    await kept(desk, 3, 150, payer="carolina", plan_id="P1-CAROLINA-MCO", ordered_on="2026-01-01")

    assert [each for each, _ in await units(desk, "carolina")] == [10, 10, 10]


# What is wrong with a post

NOT_ACCEPTED: list[tuple[str, Any, str, str]] = [
    ("coverage", b"", "$", "mend the JSON"),
    ("coverage", b"[]", "$", "send one JSON object"),
    ("coverage", b'{"member_id": NaN}', "$", "NaN and Infinity are not JSON"),
    ("coverage", b'{"member_id": "a", "member_id": "b"}', "$", "names the same member twice"),
    ("coverage", b'{"member_id": "\\ud800"}', "$.member_id", "half of a surrogate pair"),
    ("coverage", b"\xff", "$", "send UTF-8"),
    ("coverage", b"[" * 70_000, "$", "send at most 65,536 bytes"),
    ("coverage", covering(member_id="G" * 65), "$.member_id", "at most 64 characters"),
    ("coverage", covering(member_id=" "), "$.member_id", "at least 1 character"),
    ("coverage", covering(birth_date="6 May 1990"), "$.birth_date", "write a date as YYYY-MM-DD"),
    ("coverage", covering(birth_date="0199-05-06"), "$.birth_date", "a year between 1900 and 2200"),
    ("coverage", covering(as_of="2026-03-01"), "$.as_of", "timezone"),
    ("coverage", covering(as_of="2026-03-02T19:00:00Z"), "$.as_of", "this is still to come"),
    ("coverage", {**MEMBER}, "$.spans", "Field required"),
    ("coverage", covering(*[("2025-01-01", None)] * 51), "$.spans", "send at most 50"),
    ("coverage", covering(("2026-02-01", "2026-01-31")), "$.spans[0].to", "the last day is on or after the first"),
    ("coverage", covering(("2026-01-01", None), ("2026-02-01", None)), "$.spans", "two spans hold the same day"),
    (
        "coverage",
        covering(("2026-01-01", None), plan="P1-CAROLINA-MCO"),
        "$.spans[0].plan_id",
        "name one of your plans",
    ),
    ("coverage", covering(payer="carolina"), "$.payer", "leave out members that are not part of this schema"),
    ("authorization", authorising(status="pended"), "$.status", "'approved', 'reduced', 'denied' or 'cancelled'"),
    ("authorization", authorising(units=0), "$.units", "greater than or equal to 1"),
    ("authorization", authorising(units="ten"), "$.units", "valid integer"),
    ("authorization", authorising(units=1.5), "$.units", "valid integer"),
    ("authorization", authorising(units=100_001), "$.units", "less than or equal to 100000"),
    ("authorization", authorising(units=None), "$", "approved and reduced need units and from"),
    ("authorization", authorising(**{"from": None}), "$", "approved and reduced need units and from"),
    ("authorization", authorising(status="denied"), "$", "leave out units, from and to"),
    ("authorization", authorising(code="h0038"), "$.code", "pattern"),
    ("authorization", authorising(code="H9999"), "$.code", "name a service of your plans: H0038"),
    ("authorization", authorising(authorisation="A" * 65), "$.authorisation", "at most 64 characters"),
    ("authorization", authorising(number="A-78"), "$.number", "leave out members that are not part of this schema"),
    ("authorization", authorising(to="2025-12-31"), "$.to", "the last day is on or after the first"),
]


@pytest.mark.parametrize(("kind", "body", "where", "remedy"), NOT_ACCEPTED)
async def test_what_is_wrong_is_told_with_its_place_and_what_to_do(edge: Desk, kind, body, where, remedy):
    (told,) = await edge.post(kind, body)

    assert (told["status"], told["message_id"]) == ("refused", "post 0")
    assert told["errors"][0]["where"] == where and remedy in told["errors"][0]["remedy"]
    assert "G" * 65 not in str(told)


@pytest.mark.parametrize("kind", ["coverage", "authorization"])
@pytest.mark.parametrize(
    "media", ["application/vnd.alongside.{}.v2+json", "application/fhir+json", "text/plain", "application/hl7-v2"]
)
async def test_another_format_or_version_is_refused(edge: Desk, kind, media):
    body = covering() if kind == "coverage" else authorising()

    (refused,) = await edge.post(kind, body, media=media.format(kind))
    (ours,) = await edge.post(kind, body, media=f"application/vnd.alongside.{kind}.v1+json; charset=utf-8")

    assert refused["errors"] == [
        {"where": "header Content-Type", "remedy": f"send application/vnd.alongside.{kind}.v1+json"}
    ]
    assert ours["status"] == "accepted"


@pytest.mark.parametrize("who", ["agency", "hospital", "unknown"])
async def test_nobody_but_an_insurer_tells_of_members(edge: Desk, who):
    (told,) = await edge.post("coverage", covering(), who=who)

    assert told["errors"][0]["where"] == "subject"


async def test_a_post_that_is_wrong_takes_nothing_from_those_beside_it(desk: Desk):
    told = await desk.post("coverage", b"{", covering(), b"\xff")

    assert [each["status"] for each in told] == ["refused", "accepted", "refused"]
