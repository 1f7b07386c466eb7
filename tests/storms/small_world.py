"""Four small stores, as the services' migrations make them, in which every promise is kept: made to be broken."""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from shared import migrations, names
from shared.database import Database

BOOKED = datetime.fromisoformat("2026-01-05T15:00:00+00:00")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = BOOKED + 16 * DAY
VISITS = {"visit 1": BOOKED + 15 * DAY, "visit 2": BOOKED + 43 * DAY}
SENT = {"confirmation": BOOKED, "visit 1 3d": BOOKED + 12 * DAY, "visit 1 1d": BOOKED + 14 * DAY}
AHEAD = {"visit 2 3d": BOOKED + 40 * DAY, "visit 2 1d": BOOKED + 42 * DAY}
AWAITS = {"Ana": "go_on", "Ben": "match", "Cy": "answer"}
FILLED: dict[str, Any] = {
    "TEXT": "",
    "INTEGER": 0,
    "BIGINT": 0,
    "BLOB": b"{}",
    "BOOLEAN": 0,
    "JSON": "[]",
    "FLOAT": 0.0,
}


def an_id(name: str) -> str:
    """The id of somebody or something."""
    return str(uuid5(NAMESPACE_URL, name))


def at(moment: datetime) -> str:
    """A moment as SQLite keeps it."""
    return moment.isoformat(timespec="microseconds")


class SmallWorld:
    """Ana is matched with Sam and has met once; Ben waits with a bridge; Cy is held for the on-call person."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.versions: Counter[tuple[str, str, str]] = Counter()

    def path(self, service: str) -> Path:
        """Where a service's store is."""
        return self.folder / f"{service}.sqlite"

    @property
    def log(self) -> Path:
        """What the message provider took."""
        return self.folder / "taken.jsonl"

    def urls(self) -> dict[str, str]:
        """The stores, as `check` is told of them."""
        return {each: f"sqlite:///{self.path(each)}" for each in names.SERVICES}

    def run(self, service: str, *statements: str) -> int:
        """Change a store behind its service's back, and say how many rows were concerned."""
        with closing(sqlite3.connect(self.path(service))) as db, db:
            return sum(max(db.execute(each).rowcount, 0) for each in statements)

    def put(self, service: str, table: str, **row: Any) -> None:
        """Insert a row; what it must have and was not given is filled with next to nothing."""
        with closing(sqlite3.connect(self.path(service))) as db, db:
            for _, name, kind, required, default, _ in db.execute(f"pragma table_info({table})").fetchall():
                if required and default is None and name not in row and name != "id":
                    row[name] = FILLED.get(kind.split("(")[0], at(BOOKED))
            given = {name: _kept(name, each) for name, each in row.items()}
            marks = ", ".join(f":{name}" for name in given)
            columns = ", ".join(f'"{name}"' for name in given)
            db.execute(f"insert into {table} ({columns}) values ({marks})", given)

    def say(self, fact: str, key: str, *, channel: str = "", when: datetime = BOOKED, **body: Any) -> None:
        """Let a service say a fact, which is carried."""
        speaker = fact.split(".")[0] if not fact.startswith("status.") else "referrals"
        place = speaker, channel or speaker, an_id(key)
        self.versions[place] += 1
        row = {"channel": place[1], "key": place[2], "version": self.versions[place], "type": fact}
        unique = an_id(f"{place} {self.versions[place]}")
        told = {"event_id": unique, "said_at": at(when), "sent_at": at(when), "sequence": 1}
        self.put(speaker, "outbox", **row, **told, body=json.dumps(body).encode())

    def hear(self) -> None:
        """Let everybody have heard everything that was said."""
        for (speaker, channel, key), version in self.versions.items():
            self.put(speaker, "spoken", channel=channel, key=key, version=version, opens=1)
            sealed, _, listener = channel.rpartition("sealed.")
            del sealed
            who = [listener] if channel.startswith("sealed.") else names.SERVICES
            source = f"sealed.{speaker}" if channel.startswith("sealed.") else speaker
            for each in () if channel.startswith("status.") else who:
                self.put(each, "heard", source=source, key=key, version=version)


def _kept(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return at(value)
    return UUID(value).hex if name.endswith("_id") and isinstance(value, str) and len(value) == 36 else value


async def build(folder: Path) -> SmallWorld:
    """A world in which nothing is wrong."""
    world = SmallWorld(folder)
    for service, url in world.urls().items():
        database = Database.open(url)
        await migrations.upgrade(database, service)
        await database.close()
    _refer(world)
    _match(world)
    _meet(world)
    _remind(world)
    world.hear()
    return world


def _refer(world: SmallWorld) -> None:
    for name, state in {"Ana": "engaged", "Ben": "waitlisted", "Cy": "crisis_review"}.items():
        who = {"referral_id": an_id(f"referral {name}"), "person_id": an_id(name)}
        row = {"organisation": "general-hospital", "placer": name, "state": state, "awaits": AWAITS[name]}
        row |= {"act_by": NOW + DAY}
        world.put("referrals", "referrals", **who, **row)
        world.say("status.referral.v1", f"referral {name}", channel="status.general-hospital.referral.v1")
        if state != "crisis_review":
            world.say("referrals.referral-accepted.v1", name, **who)
            world.say("referrals.contact-shared.v1", name, channel="sealed.notifications")
    about = {"kind": "crisis", "about": an_id("referral Cy")}
    world.put("referrals", "tasks", task_id=an_id("task"), **about)


def _match(world: SmallWorld) -> None:
    ana, ben = ({"referral_id": an_id(f"referral {each}"), "person_id": an_id(each)} for each in ("Ana", "Ben"))
    world.put("matching", "supporters", supporter_id=an_id("Sam"), held=10, room=60)
    world.put("matching", "referrals", **ana, state="matched")
    world.put("matching", "referrals", **ben, state="waiting", waitlisted_at=BOOKED, bridged_at=BOOKED)
    offer = {**ana, "offer_id": an_id("offer"), "supporter_id": an_id("Sam"), "counts": 10}
    world.put("matching", "offers", **offer, state="accepted", offering_id=an_id("offering"))
    match = {"match_id": an_id("match"), **offer, "state": "active", "offering_id": an_id("offering")}
    world.put("matching", "matches", **match)
    world.say("matching.offer-made.v1", "Ana", offer_id=an_id("offer"))
    world.say("matching.match-made.v1", "Ana", match_id=an_id("match"))


def _meet(world: SmallWorld) -> None:
    series = {"series_id": an_id("series"), "person_id": an_id("Ana"), "referral_id": an_id("referral Ana")}
    world.put("scheduling", "series", **series, match_id=an_id("match"), state="booked")
    for name, starts in VISITS.items():
        when = {"starts_at": starts, "ends_at": starts + HOUR}
        one = {"session_id": an_id(name), **series, **when, "state": "held" if starts < NOW else "booked"}
        session = {each: one[each] for each in ("session_id", "series_id", "starts_at", "ends_at", "state")}
        world.put("scheduling", "sessions", **session, supporter_id=an_id("Sam"), zone="America/New_York")
        held = {"minutes": 45, "units_delivered": 3, "units_covered": 1, "payer": "garden-health"}
        judged = {**held, "denied": '{"DAY_CAP": 2, "NO_AUTH": 1}', "service_date": "2026-01-20", "started_at": starts}
        world.put("scheduling", "seats", **one, seat_id=an_id(f"seat {name}"), **(judged if starts < NOW else {}))
    booked = [{"session_id": an_id(name)} for name in VISITS]
    world.say("scheduling.series-booked.v1", "Ana", series_id=an_id("series"), sessions=booked)
    world.say("scheduling.seat-held.v1", "Ana", when=NOW, seat_id=an_id("seat visit 1"))


def _remind(world: SmallWorld) -> None:
    mine = {"series_id": an_id("series"), "person_id": an_id("Ana")}
    world.put("notifications", "people", person_id=an_id("Ana"), zone="America/New_York")
    for name, starts in VISITS.items():
        world.put("notifications", "sessions", session_id=an_id(name), **mine, starts_at=starts)
    for name, due in {**SENT, **AHEAD}.items():
        visit, kind = ("visit 1", name) if name == "confirmation" else name.rsplit(" ", 1)
        row = {"reminder_id": an_id(name), "session_id": an_id(visit), **mine, "kind": kind, "planned_at": BOOKED}
        gone = {"state": "accepted", "channel": "sms", "intended_at": due, "sent_at": due}
        world.put(
            "notifications", "reminders", **row, due=due, look_at=due, **(gone if name in SENT else {"state": "due"})
        )
        if name in SENT:
            world.say("notifications.reminder-sent.v1", "Ana", when=due, reminder_id=an_id(name))
    planned = [{"reminder_id": an_id(name)} for name in (*SENT, *AHEAD)]
    world.say("notifications.reminders-planned.v1", "Ana", series_id=an_id("series"), reminders=planned)
    write_log(world, [message_key(each) for each in SENT])


def message_key(reminder: str) -> str:
    """The key a reminder leaves with: the same formula as in the provider's contract."""
    return str(uuid5(UUID(an_id(reminder)), "sms"))


def write_log(world: SmallWorld, keys: Sequence[str]) -> None:
    """Let the provider have taken texts with these keys."""
    world.log.write_text("".join(json.dumps({"kind": "text", "key": each}) + "\n" for each in keys))
