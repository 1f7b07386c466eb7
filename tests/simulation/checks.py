"""What must hold when a seed has come to rest: read from stores, streams and logs, never asked of the code."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from deploy.check import messages
from deploy.check.books import READ, READ_EVERYWHERE, TIMES, Books
from deploy.check.findings import LOOKS, judge
from deploy.check.messages import SENT
from shared import names
from shared.mailbox import tables
from tests.simulation.office import Office
from tests.simulation.people import HOSPITAL
from tests.simulation.store import Store
from tests.simulation.world import World

MAY_HAVE_LEFT = (*SENT, "sending", "unknown")
ENDED = (*SENT, "skipped", "failed", "unknown")


def all_of(world: World, office: Office) -> list[str]:
    """Everything that is broken, each as one line."""
    books = {service: books_of(store) for service, store in world.stores.items()}
    if world.outran:
        _begin_with_the_call(books["notifications"], world)
    found = judge(books)
    if world.outran:
        # A reminder whose moment passed while its visit was under way is not planned: nobody can be reminded in time.
        found = [each for each in found if each.words != PLANNED]
    broken = [f"{each.promise} {each.words}: {one}" for each in found for one in each.broken]
    broken += [f"{each.promise} {each.words}: {each.unseen}" for each in found if each.unseen]
    for look in (
        posted,
        everything_heard_had_its_effect,
        everything_heard_had_it_once,
        streams_hold_what_was_said,
        told_the_hospital,
        at_the_provider,
        reminders_ended,
        at_rest,
    ):
        broken += [f"{look.__name__}: {each}" for each in look(world, office, books)]
    return broken


def books_of(store: Store) -> Books:
    """A store, read whole with plain SQL."""
    tables: dict[str, list[Any]] = {}
    for wanted in (*READ_EVERYWHERE, *READ[store.service]):
        found = store.raw.execute(f"select {wanted}")
        columns = [each[0] for each in found.description]
        tables[wanted.rsplit(" ", 1)[-1]] = [
            {name: _plain(name, value) for name, value in zip(columns, row, strict=True)} for row in found
        ]
    return Books(tables)


def _plain(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name.endswith("_id") and len(value) == 32:
        return str(UUID(value))
    if name == "denied":
        return json.loads(value)
    return datetime.fromisoformat(value) if name in TIMES else value


def posted(world: World, office: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """I1, I2: each referral that was posted is there once, or refused; and nobody else is."""
    wanted = {each.number for each in office.referred if each.kind != "garbled"}
    found = Counter(row[0] for row in world.stores["referrals"].look("select placer_value from referrals"))
    yield from (f"{each} is there {times} times" for each, times in found.items() if times != 1)
    if len(found) != len(wanted):
        yield f"{len(wanted)} were posted, {len(found)} are there"
    refused = world.stores["referrals"].look("select count(*) from refusals")[0][0]
    garbled = [each for each in office.referred if each.kind == "garbled"]
    if bool(refused) != bool(garbled):
        yield f"{len(garbled)} made no sense, {refused} were refused"
    written = world.stores["notifications"].look("select count(*) from replies")[0][0]
    if written != office.texts:
        yield f"{office.texts} texts were written, {written} were read"
    known = books["matching"].ids("supporters", "supporter_id")
    if known != {str(each.supporter_id) for each in office.helpers}:
        yield "supporters are not those who were registered"


PLANNED = next(words for _, words, look in LOOKS if look is messages.planned)
EFFECTS = {
    "referrals.consent-given.v1": ("consent_id", {"matching": "consents", "notifications": "consents"}),
    "referrals.person-linked.v1": (
        "person_id",
        {"matching": "linked_people", "scheduling": "linked_people", "notifications": "linked_people"},
    ),
    "referrals.referral-accepted.v1": ("referral_id", {"matching": "referrals", "scheduling": "labels"}),
    "matching.supporter-registered.v1": ("supporter_id", {"scheduling": "supporters", "notifications": "supporters"}),
    "matching.match-made.v1": ("match_id", {"scheduling": "series"}),
    "scheduling.series-booked.v1": ("series_id", {"notifications": "sessions"}),
}
"""What is left of a fact at those who hear it: the id that is found again, and in which tables."""


def everything_heard_had_its_effect(world: World, _: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """I6: what was said has left its mark at everybody who keeps it."""
    for kind, (identity, kept) in EFFECTS.items():
        said = {UUID(body[identity]).hex for _, body in books[kind.split(".")[0]].said(kind)}
        for service, table in kept.items():
            there = {row[0] for row in world.stores[service].look(f"select {identity} from {table}")}
            yield from (f"{service} knows nothing of {kind} {each}" for each in sorted(said - there))
    shared = world.stores["referrals"].look(
        "select count(distinct key) from outbox where channel = 'sealed.notifications'"
    )
    known = world.stores["notifications"].look("select count(*) from people")
    if shared != known:
        yield f"contacts of {shared[0][0]} people were shared, {known[0][0]} are known"


def everything_heard_had_it_once(world: World, _: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """I6: no transaction gave a letter to its handlers after another had: most would not show it in what they keep."""
    for service, store in world.stores.items():
        yield from (f"{service} heard {each} {times} times" for each, times in store.heard.items() if times > 1)


def streams_hold_what_was_said(world: World, _: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """I6: the broker holds everything that was said, with what was said, and nothing else."""
    said = {(row["event_id"], row["version"]): row["body"] for each in books.values() for row in each["outbox"]}
    held: dict[tuple[str, int], bytes] = {}
    for stream in world.broker.streams.values():
        for kept in stream.messages.values():
            if names.EVENT_ID in kept.headers and kept.sequence not in stream.spoilt:
                held[kept.headers[names.EVENT_ID], int(kept.headers[names.KEY_VERSION])] = kept.data
    yield from (f"{each[0]} is missing from its stream" for each in said if each not in held)
    yield from (f"{each[0]} was never said, or otherwise" for each in held if held[each] != said.get(each))


def told_the_hospital(world: World, _: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """I9: the hospital's stream tells of all of its referrals, of no other, and last what is so."""
    last: dict[str, tuple[int, bytes]] = {}
    for kept in world.broker.streams[names.status_stream(HOSPITAL)].messages.values():
        about, version = kept.headers[names.EVENT_KEY], int(kept.headers[names.KEY_VERSION])
        last[about] = max(last.get(about, (0, b"")), (version, kept.data))
    mine = {row["referral_id"]: row["state"] for row in books["referrals"]["referrals"]}
    yield from (f"nothing is told of {each}" for each in mine if each not in last)
    for about, (_, body) in last.items():
        task = json.loads(body)
        if about in mine and not _agrees(mine[about], task):
            yield f"{about} is {mine[about]}, and told as {task.get('status')}"


OVER = ("rejected", "cancelled", "entered-in-error", "failed")


def _agrees(state: str, task: Mapping[str, Any]) -> bool:
    held = state in ("crisis_review", "needs_screen", "needs_info", "lapsed")
    return (task["status"] == "on-hold") == held and (task["status"] in OVER) == (state in ("refused", "closed"))


def at_the_provider(world: World, _: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """I5: each message left once at most, all that we call sent did, and nothing that nobody wrote."""
    notes = books["notifications"]
    reminders = {_key(row): row for row in notes["reminders"] if row["channel"]}
    # Words for an emergency are tried again even where they might come twice.
    urgent = {
        row[0] for row in world.stores["notifications"].look("select answer_id from answers where kind = 'emergency'")
    }
    taken = Counter(each.key for each in world.outside.taken if each.key.replace("-", "") not in urgent)
    # The reminders of a visit read alike, but are days apart, unless time outran a call that hung.
    twice = Counter(
        (each.at.date(), each.to, each.text) for each in world.outside.taken if "1=" in each.text and not world.outran
    )
    yield from (f"{key} was taken {times} times" for key, times in taken.items() if times > 1)
    yield from (f"{each[1]} got the same text {times} times" for each, times in twice.items() if times > 1)
    ours = {key for row in notes["reminders"] for key in _keys(row)} | notes.ids("answers", "answer_id")
    yield from (f"{key} was sent by nobody" for key in taken if key not in ours)
    for key, row in reminders.items():
        if row["state"] in SENT and key not in taken:
            yield f"{row['reminder_id']} is {row['state']}, and never arrived"
        if row["state"] not in MAY_HAVE_LEFT and key in taken:
            yield f"{row['reminder_id']} is {row['state']}, and arrived"


def _begin_with_the_call(notes: Books, world: World) -> None:
    """Let messages be sent when the call began: time may have jumped while it was under way.

    A provider who knew the key took the message at an earlier call.
    """
    began = {each.key: each.at for each in world.outside.taken}
    for row in notes["reminders"]:
        if row["channel"] and row["sent_at"] and row["intended_at"] and (at := began.get(_key(row))):
            row["sent_at"], row["quiet"] = max(at, row["intended_at"]), False


def _keys(row: Mapping[str, Any]) -> list[str]:
    return [_key({**row, "channel": each}) for each in ("sms", "email")]


def _key(row: Mapping[str, Any]) -> str:
    return str(uuid5(UUID(row["reminder_id"]), row["channel"]))


def reminders_ended(world: World, _: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """I5: no reminder is lost: each has ended."""
    for row in books["notifications"]["reminders"]:
        if row["state"] not in ENDED:
            yield f"{row['reminder_id']} is still {row['state']}"


def at_rest(world: World, _: Office, books: Mapping[str, Books]) -> Iterator[str]:
    """Nothing waits any more: no letter, errand or timer, and no transaction is open."""
    for name, each in books.items():
        yield from (f"{name}: a letter is {row['state']}" for row in each["letters"])
        yield from (f"{name}: an errand is {row['state']}" for row in each["errands"] if row["state"] != "done")
        yield from (f"{name}: a timer {row['type']} never rang" for row in each["timers"] if not row["rung_at"])


def digest(stores: Mapping[str, Store]) -> str:
    """One fingerprint of all that is in the stores, but for how far streams had got when a relay last looked."""
    found = hashlib.sha256()
    for store in stores.values():
        for table in (each for each in store.tables if each != tables.carried.name):
            for row in store.raw.execute(f'select * from "{table}" order by 1, 2'):
                found.update(repr(row).encode())
    return found.hexdigest()
