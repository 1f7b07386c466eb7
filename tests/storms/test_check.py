"""What `check` promises to find it finds: each promise is broken on purpose, in stores where all were kept."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from deploy.check import bus, findings, loops, messages, people
from deploy.check.books import CannotLook, open_books
from deploy.premises import Addresses, equip
from shared.events.fact import Fact
from shared.events.referrals import ContactShared, ReferralAccepted
from tests.storms.small_world import DAY, NOW, SENT, VISITS, SmallWorld, an_id, at, build, message_key, write_log

Break = tuple[str, str, list[str], str, str]


def hexed(name: str) -> str:
    """An id as SQLite keeps it."""
    return f"'{UUID(an_id(name)).hex}'"


def change(service: str, table: str, column: str, value: str, which: str, name: str) -> tuple[str, list[str]]:
    """Set a column of one row."""
    return service, [f"update {table} set {column} = {value} where {which} = {hexed(name)}"]


def without(service: str, table: str, which: str, name: str) -> tuple[str, list[str]]:
    """Delete what has an id."""
    return service, [f"delete from {table} where {which} = {hexed(name)}"]


def twice(service: str, table: str) -> list[str]:
    """Say every row of a table twice, in a copy of it that has no constraints."""
    return [
        f"create table copy as select * from {table}",
        f"drop table {table}",
        f"create table {table} as select * from copy union all select * from copy",
    ]


LATE = f"'{at(VISITS['visit 1'])}'"
NIGHT = f"'{at(SENT['visit 1 3d'].replace(hour=5))}'"
REMINDER, SESSION = ("notifications", "reminders"), ("notifications", "sessions")
BREAKS: dict[str, tuple[tuple[str, list[str]], str, str]] = {
    "an accepted person unknown to matching": (
        without("matching", "referrals", "referral_id", "referral Ben"), "everybody accepted", an_id("referral Ben")),
    "an offered person without an offer": (
        change("matching", "referrals", "state", "'offered'", "referral_id", "referral Ben"),
        "everybody accepted", an_id("referral Ben")),
    "a waiting person about whom nothing was decided": (
        change("matching", "referrals", "waitlisted_at", "null", "referral_id", "referral Ben"),
        "everybody accepted", an_id("referral Ben")),
    "somebody held by matching alone": (
        change("matching", "referrals", "state", "'held'", "referral_id", "referral Ben"),
        "everybody accepted", an_id("referral Ben")),
    "a match without a series": (
        without("scheduling", "series", "series_id", "series"), "everybody accepted", an_id("referral Ana")),
    "a series without a time, and nobody who looks for one": (
        change("scheduling", "series", "state", "'unbooked'", "series_id", "series"),
        "everybody accepted", an_id("referral Ana")),
    "a crisis without a task": (
        ("referrals", ["delete from tasks"]), "whoever is held", an_id("referral Cy")),
    "a crisis whose task was closed by itself": (
        ("referrals", [f"update tasks set done_at = {LATE}"]), "whoever is held", an_id("referral Cy")),
    "danger in an accepted referral that nobody looks at": (
        change("referrals", "referrals", "crisis_at", LATE, "referral_id", "referral Ben"),
        "whoever is held", an_id("referral Ben")),
    "an open referral for which nobody must act": (
        ("referrals", ["pragma ignore_check_constraints = 1",
                       f"update referrals set awaits = null where referral_id = {hexed('referral Ben')}"]),
        "for every open referral", an_id("referral Ben")),
    "an open referral without a clock": (
        ("referrals", ["pragma ignore_check_constraints = 1",
                       f"update referrals set act_by = null where referral_id = {hexed('referral Ana')}"]),
        "for every open referral", an_id("referral Ana")),
    "a step that nobody owns": (
        change("referrals", "referrals", "awaits", "'somebody'", "referral_id", "referral Ben"),
        "for every open referral", an_id("referral Ben")),
    "a referral that is over, and still waits": (
        ("referrals", ["pragma ignore_check_constraints = 1",
                       f"update referrals set state = 'closed' where referral_id = {hexed('referral Ben')}"]),
        "for every open referral", an_id("referral Ben")),
    "a clock that ran out, and nobody was asked": (
        change("referrals", "referrals", "act_by", f"'{at(NOW - DAY)}'", "referral_id", "referral Ben"),
        "every referral whose time", an_id("referral Ben")),
    "a page about danger that nobody answered, and no task": (
        ("referrals", [f"update referrals set act_by = '{at(NOW - DAY)}' where crisis_at is not null or "
                       f"referral_id = {hexed('referral Cy')}", "delete from tasks"]),
        "every referral whose time", an_id("referral Cy")),
    "a completed referral without a visit": (
        ("referrals", ["update referrals set state = 'completed', awaits = null, act_by = null "
                       f"where referral_id = {hexed('referral Ben')}"]),
        "nothing is completed", an_id("referral Ben")),
    "a match of a referral nobody received": (
        without("referrals", "referrals", "referral_id", "referral Ana"),
        "every offer, match", f"match of {an_id('referral Ana')}"),
    "a series of somebody else's match": (
        change("scheduling", "series", "person_id", hexed("Ben"), "series_id", "series"),
        "every offer, match", f"series {an_id('series')}"),
    "a reminder of no session": (
        without(*SESSION, "session_id", "visit 2"), "every offer, match", f"reminder of {an_id('visit 2')}"),
    "two sessions of a supporter at once": (
        ("scheduling", ["drop trigger one_session_at_a_time_update",
                        f"update sessions set ends_at = '{at(NOW + 99 * DAY)}' where session_id = {hexed('visit 1')}"]),
        "nobody is in two places", f"{an_id('visit 2')} begins during {an_id('visit 1')}"),
    "two seats of a person at once": (
        ("scheduling", ["drop trigger one_seat_at_a_time_update",
                        f"update seats set starts_at = '{at(VISITS['visit 1'])}', state = 'booked'"]),
        "nobody is in two places", an_id("seat visit 1")),
    "a caseload off by one": (
        change("matching", "supporters", "held", "11", "supporter_id", "Sam"), "no referral has two", an_id("Sam")),
    "a caseload above the room": (
        ("matching", ["pragma ignore_check_constraints = 1", "update supporters set room = 9"]),
        "no referral has two", an_id("Sam")),
    "a referral matched twice": (
        ("matching", twice("matching", "matches")), "no referral has two", an_id("referral Ana")),
    "somebody who waits with nothing": (
        change("matching", "referrals", "bridged_at", "null", "referral_id", "referral Ben"),
        "nobody waits with nothing", an_id("referral Ben")),
    "a visit without a reminder": (
        without(*REMINDER, "reminder_id", "visit 2 1d"), "every visit booked in time", f"{an_id('visit 2')} 1d"),
    "a cancellation nobody told notifications of": (
        change("scheduling", "sessions", "state", "'cancelled'", "session_id", "visit 2"),
        "every visit booked in time", f"{an_id('visit 2')} cancelled"),
    "a reminder sent after the cancellation": (
        change(*SESSION, "cancelled_at", f"'{at(SENT['confirmation'])}'", "session_id", "visit 1"),
        "no reminder was sent early", an_id("visit 1 3d")),
    "a reminder sent after a STOP": (
        ("notifications", [f"insert into opt_outs values ({hexed('Ana')}, 'sms', '{at(SENT['visit 1 3d'])}')"]),
        "no reminder was sent early", an_id("visit 1 1d")),
    "a reminder sent before its moment": (
        change(*REMINDER, "due", LATE, "reminder_id", "visit 1 3d"), "no reminder was sent early", an_id("visit 1 3d")),
    "a reminder sent at night": (
        ("notifications", [f"update reminders set due = {NIGHT}, intended_at = {NIGHT}, sent_at = {NIGHT} "
                           f"where reminder_id = {hexed('visit 1 3d')}"]),
        "no reminder was sent early", an_id("visit 1 3d")),
    "a reminder whose service says it was in quiet hours": (
        change(*REMINDER, "quiet", "1", "reminder_id", "visit 1 1d"),
        "no reminder was sent early", an_id("visit 1 1d")),
    "a reminder whose moment passed": (
        change(*REMINDER, "look_at", f"'{at(SENT['visit 1 3d'])}'", "reminder_id", "visit 2 3d"),
        "every reminder whose moment", an_id("visit 2 3d")),
    "a reminder that is being sent by nobody": (
        change(*REMINDER, "state", "'sending'", "reminder_id", "visit 2 3d"),
        "every reminder whose moment", an_id("visit 2 3d")),
    "a failed reminder without a task": (
        change(*REMINDER, "state", "'failed'", "reminder_id", "visit 1 3d"),
        "every reminder whose moment", an_id("visit 1 3d")),
    "a reminder called sent that was not said to be": (
        change(*REMINDER, "state", "'delivered'", "reminder_id", "visit 2 3d"),
        "every reminder that was sent", an_id("visit 2 3d")),
    "a fact that a listener never heard": (
        ("scheduling", [f"delete from heard where source = 'matching' and key = '{an_id('Ana')}'"]),
        "everything said", f"scheduling has not heard 1 of {an_id('Ana')} from matching"),
    "a sealed fact that its listener never heard": (
        ("notifications", [f"delete from heard where source = 'sealed.referrals' and key = '{an_id('Ana')}'"]),
        "everything said", f"notifications has not heard 1 of {an_id('Ana')} from referrals"),
    "a fact that was never carried": (
        ("matching", ["update outbox set sent_at = null where type = 'matching.match-made.v1'"]),
        "everything said", "matching: "),
    "a version that is missing": (
        ("matching", ["delete from outbox where version = 1"]), "versions are gapless", f"matching {an_id('Ana')}"),
    "a version that was said twice": (
        ("matching", twice("matching", "outbox")), "versions are gapless", f"matching {an_id('Ana')}"),
    "a key that nobody counts": (
        ("matching", ["delete from spoken"]), "versions are gapless", f"matching {an_id('Ana')}"),
    "something heard that was not said": (
        ("scheduling", ["update heard set version = 9 where source = 'matching'"]),
        "nothing happened twice", f"scheduling heard more of {an_id('Ana')}"),
    "a match that was made twice": (
        ("matching", ["update outbox set type = 'matching.match-made.v1', body = "
                      "(select body from outbox where type = 'matching.match-made.v1')"]),
        "nothing happened twice", f"match {an_id('match')} 2 times"),
    "a reminder that was planned twice": (
        ("notifications", ["update outbox set type = 'notifications.reminders-planned.v1', body = "
                           "(select body from outbox where type = 'notifications.reminders-planned.v1')"]),
        "nothing happened twice", f"planned reminder {an_id('confirmation')} 4 times"),
    "a referrer who was told nothing": (
        ("referrals", [f"delete from {each} where key = '{an_id('referral Ben')}'" for each in ("outbox", "spoken")]),
        "every referrer was told", an_id("referral Ben")),
    "a referrer who was told of another's referral": (
        change("referrals", "referrals", "organisation", "'eastside-clinic'", "referral_id", "referral Ben"),
        "every referrer was told", an_id("referral Ben")),
    "a session that is not what its seat says": (
        change("scheduling", "sessions", "state", "'missed'", "session_id", "visit 1"),
        "a session is what its seats", an_id("visit 1")),
    "more units than minutes": (
        change("scheduling", "seats", "minutes", "37", "seat_id", "seat visit 1"), "units are", an_id("seat visit 1")),
    "more covered than delivered": (
        change("scheduling", "seats", "units_covered", "4", "seat_id", "seat visit 1"),
        "units are", an_id("seat visit 1")),
    "units uncovered for no reason": (
        change("scheduling", "seats", "denied", "'{\"NO_AUTH\": 1}'", "seat_id", "seat visit 1"),
        "units are", an_id("seat visit 1")),
    "units covered by nobody": (
        change("scheduling", "seats", "payer", "null", "seat_id", "seat visit 1"), "units are", an_id("seat visit 1")),
    "units of a visit that was missed": (
        change("scheduling", "seats", "state", "'missed'", "seat_id", "seat visit 1"),
        "units are", an_id("seat visit 1")),
}  # fmt: skip
"""What is done to which store, and which promise is then told to be broken, for whom."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the unbroken world is kept."""
    return tmp_path_factory.mktemp("template")


@pytest.fixture
async def world(template: Path, tmp_path: Path) -> SmallWorld:
    """A world of its own for one test, in which nothing is wrong yet."""
    if not (template / "taken.jsonl").exists():
        await build(template)
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return SmallWorld(tmp_path)


async def broken(world: SmallWorld) -> dict[str, list[str]]:
    """Which promises are told to be broken, and for whom."""
    found = findings.judge(await open_books(world.urls()))
    return {each.words: each.broken for each in found if each.broken}


async def test_nothing_is_wrong_where_nothing_was_broken(world: SmallWorld) -> None:
    books = await open_books(world.urls())

    found = findings.judge(books)

    assert {each.words: each.broken for each in found if each.broken or each.unseen} == {}
    assert [each.words for each in found if each.looked_at == 0] == [
        "every referral whose time has run out is somebody's task",
        "nothing is completed but what had a visit that was kept",
        "no letter, errand or timer is stuck",
    ]
    assert messages.against(books, world.log) == (len(SENT), [])


async def test_nobody_must_act_for_what_came_for_tests(world: SmallWorld) -> None:
    kept = {"organisation": "trial-hospital", "test": 1}
    late = {"state": "matched", "awaits": "book", "act_by": NOW - DAY}
    for name, row in {"a late test": late, "a completed test": {"state": "completed"}}.items():
        ids = {"referral_id": an_id(name), "person_id": an_id(f"nobody of {name}"), "placer": name}
        world.put("referrals", "referrals", **ids, **kept, **row)

    books = await open_books(world.urls())

    assert [look(books)[1] for look in (loops.owned, loops.noticed, loops.evident)] == [[], [], []]


@pytest.mark.parametrize(("state", "lost"), [("needs_info", False), ("needs_screen", False), ("accepted", True)])
async def test_who_was_taken_back_and_is_asked_for_again_is_not_lost(world: SmallWorld, state: str, lost: bool) -> None:
    for service, told in (("matching", "withdrawn"), ("referrals", state)):
        store, statements = change(service, "referrals", "state", f"'{told}'", "referral_id", "referral Ben")
        world.run(store, *statements)

    books = await open_books(world.urls())

    assert people.accepted(books)[1] == [an_id("referral Ben")] * lost


@pytest.mark.parametrize(("how", "words", "who"), BREAKS.values(), ids=BREAKS)
async def test_what_is_broken_is_named_for_whom_it_is(
    world: SmallWorld, how: tuple[str, list[str]], words: str, who: str
) -> None:
    changed = world.run(how[0], *how[1])

    found = await broken(world)

    assert changed > 0 or "drop table" in " ".join(how[1])
    named = [each for promise, some in found.items() if promise.startswith(words) for each in some]
    assert [each for each in named if who in each], found


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("letters", {"event_id": an_id("letter"), "state": "dead"}),
        ("letters", {"event_id": an_id("letter"), "state": "parked"}),
        ("errands", {"errand_key": "an errand", "state": "stuck"}),
        ("timers", {"timer_id": an_id("timer"), "attempts": 3}),
    ],
)
async def test_what_nothing_moves_on_is_named(world: SmallWorld, table: str, row: dict[str, object]) -> None:
    world.put("matching", table, **row)

    found = await broken(world)

    assert list(found) == ["no letter, errand or timer is stuck"]
    assert str(next(iter(row.values()))) in found["no letter, errand or timer is stuck"][0]


LOGS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a text that was taken twice": (lambda keys: [*keys, keys[0]], f"{message_key('confirmation')} was taken 2 times"),
    "a text that never arrived": (lambda keys: keys[1:], f"{an_id('confirmation')} never arrived"),
    "a text that nobody sent": (lambda keys: [*keys, "who"], "who was sent by nobody"),
    "a text about which we know nothing yet": (
        lambda keys: [*keys, message_key("visit 2 1d")],
        f"{an_id('visit 2 1d')} arrived, and is due here",
    ),
}


@pytest.mark.parametrize(("spoil", "told"), LOGS.values(), ids=LOGS)
async def test_the_providers_log_is_held_against_ours(
    world: SmallWorld, spoil: Callable[[list[str]], list[str]], told: str
) -> None:
    write_log(world, spoil([message_key(each) for each in SENT]))

    _, wrong = messages.against(await open_books(world.urls()), world.log)

    assert wrong == [told]


async def test_a_store_that_is_missing_is_told_and_the_others_are_looked_at(world: SmallWorld) -> None:
    world.path("referrals").unlink()

    found = {each.words: each for each in findings.judge(await open_books(world.urls()))}

    assert "was referrals ever started here?" in found["whoever is held for a person has an open task"].unseen
    assert found["nobody is in two places at once"].looked_at == 4
    assert not world.path("referrals").exists()


async def test_a_store_that_is_none_is_told_without_a_trace(world: SmallWorld) -> None:
    world.path("matching").write_text("this is no database")

    found = {each.words: each for each in findings.judge(await open_books(world.urls()))}

    assert (
        "the store of matching cannot be read"
        in found["nobody waits with nothing: a bridge is offered, or a person has the task"].unseen
    )


async def test_a_broker_that_is_away_is_waited_for_once_and_told(world: SmallWorld) -> None:
    world.put("matching", "timers", timer_id=an_id("timer"), attempts=3)
    Addresses({}, "nats://127.0.0.1:1", world.urls()).write(equip(world.folder / "data").data)
    began = time.monotonic()

    found = await findings.of(world.folder / "data")

    assert "no broker answers" in found[-1].unseen
    assert [each.words for each in found if each.broken] == ["no letter, errand or timer is stuck"]
    assert time.monotonic() - began < 8


async def test_a_log_that_is_missing_is_told(world: SmallWorld) -> None:
    books = await open_books(world.urls())

    with pytest.raises(CannotLook, match="is missing"):
        messages.against(books, world.folder / "elsewhere.jsonl")


class NeverSaidBefore(Fact):
    """A sealed fact that `check` has never heard of."""

    KEY = "person_id"
    SEALED_FOR = "matching"
    person_id: UUID


@pytest.mark.parametrize(
    ("fact", "channel"),
    [(ReferralAccepted, "referrals"), (ContactShared, "sealed.notifications"), (NeverSaidBefore, "sealed.matching")],
)
def test_a_fact_is_looked_for_on_the_channel_it_is_said_on(fact: type[Fact], channel: str) -> None:
    looked_at = bus.channel_of(fact)

    assert looked_at == channel


def test_nobody_is_asked_whether_they_heard_a_timer() -> None:
    listeners = bus.listeners()

    assert ("scheduling", "scheduling", "scheduling") not in listeners
    assert ("notifications", "referrals", "sealed.notifications") in listeners
