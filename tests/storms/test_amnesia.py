"""The broker may forget: whatever it has lost is said again from the speaker's store, to whoever had not heard it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.events.referrals import RiskCleared
from shared.mailbox import Status
from shared.mailbox.box import Mailbox
from shared.mailbox.memory import Memory, NotTaken
from shared.mailbox.meters import Meters
from shared.mailbox.outbox import say
from shared.mailbox.relay import _headers
from shared.mailbox.tables import outbox
from tests.bus import running_mailbox, until, with_shared_tables
from tests.shared.parties import HEARS_REFERRALS, cleared, say_all
from tests.storms.broken_disk import Ailing, ailing_bus, cut_short, flip_a_bit

STREAM, CONSUMER, ANSWERS = "REFERRALS", HEARS_REFERRALS, "STATUS_general-hospital"
PEOPLE, FACTS = 10, 300
HEALED_WITHIN = 20.0
metadata = MetaData()
seen = Table("seen", metadata, Column("id", Integer, primary_key=True, autoincrement=True), Column("what", Text))


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Ailing]:
    async with ailing_bus(tmp_path / "nats") as running:
        yield running


@dataclass
class Pair:
    """A speaker and a listener, each with a store of its own, and what was said so far."""

    bus: Ailing
    speaks: Database
    listens: Database
    people: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(PEOPLE)])
    said: list[str] = field(default_factory=list)

    def speaker(self) -> Any:
        """The speaker at work, as long as the block lasts."""
        return running_mailbox(self.bus, "referrals", self.speaks, lambda _: None)

    def listener(self) -> Any:
        """The listener at work, as long as the block lasts."""
        return running_mailbox(self.bus, "matching", self.listens, lambda mailbox: mailbox.on_many(RiskCleared, note))

    async def say(self, speaker: Mailbox, how_many: int = FACTS, *, padding: int = 0) -> None:
        """Say facts about everybody in turn, and see them carried."""
        numbers = range(len(self.said), len(self.said) + how_many)
        facts = [cleared(self.people[each % PEOPLE], f"{each}{'.' * padding}") for each in numbers]
        self.said += [str(each) for each in numbers]
        await speaker.run(say_all, facts)
        await until(self.all_sent, within=HEALED_WITHIN)

    async def all_sent(self) -> bool:
        """Whether nothing waits in the speaker's outbox."""
        async with self.speaks.reading() as db:
            return None not in (await db.execute(select(outbox.c.sent_at))).scalars().all()

    async def noted(self) -> list[str]:
        """What the listener has applied, in its order."""
        async with self.listens.reading() as db:
            rows = (await db.execute(select(seen.c.what).order_by(seen.c.id))).scalars()
        return [each.rstrip(".") for each in rows]

    async def heard(self) -> bool:
        """Whether the listener has applied everything that was said."""
        return len(await self.noted()) >= len(self.said)

    async def held(self) -> bool:
        """Whether every fact said lies in the stream, where the outbox believes it to be."""
        async with self.speaks.reading() as db:
            rows = (await db.execute(select(outbox.c.sequence, outbox.c.event_id))).all()
        kept = await self.bus.held(STREAM)
        return all(kept.get(each.sequence) == str(each.event_id) for each in rows)

    async def everything_is_well(self) -> None:
        """See that everybody's facts were applied once and in order, and can be read by whoever comes later."""
        await until(self.heard, within=HEALED_WITHIN)
        await until(self.held, within=HEALED_WITHIN)
        applied = await self.noted()
        for person in range(PEOPLE):
            assert [each for each in applied if int(each) % PEOPLE == person] == self.said[person::PEOPLE]


async def note(gathered: list[RiskCleared], db: AsyncConnection) -> None:
    await db.execute(insert(seen), [{"what": each.cleared_by} for each in gathered])


def forgotten(mailbox: Mailbox, stream: str = STREAM) -> float:
    """How many facts a speaker has said again."""
    return float(mailbox.meters.forgotten.labels(stream)._value.get())


@pytest.fixture
async def pair(bus: Ailing, tmp_path: Path) -> AsyncIterator[Pair]:
    """Both have a file."""
    speaks = Database.open(f"sqlite:///{tmp_path / 'speaker.sqlite'}")
    async with _paired(bus, speaks, tmp_path) as found:
        yield found
    await speaks.close()


@pytest.fixture
async def each_pair(bus: Ailing, database: Database, tmp_path: Path) -> AsyncIterator[Pair]:
    """What has to be said again is in a store of each kind; whoever listens has a file."""
    async with _paired(bus, database, tmp_path) as found:
        yield found


@asynccontextmanager
async def _paired(bus: Ailing, speaks: Database, folder: Path) -> AsyncIterator[Pair]:
    listens = Database.open(f"sqlite:///{folder / 'listener.sqlite'}")
    for each in (speaks, listens):
        await with_shared_tables(each)
    async with listens.transaction() as db:
        await db.run_sync(metadata.create_all)
    yield Pair(bus, speaks, listens)
    await listens.close()


def wiped(bus: Ailing) -> None:
    bus.kill()
    bus.wipe()


def flipped(bus: Ailing) -> None:
    bus.kill()
    flip_a_bit(bus.blocks(STREAM)[-1])


def truncated(bus: Ailing) -> None:
    bus.kill()
    cut_short(bus.blocks(STREAM)[-1])


def flipped_at_the_very_beginning(bus: Ailing) -> None:
    bus.kill()
    flip_a_bit(bus.blocks(STREAM)[0], where=0.001)


def without_its_messages(bus: Ailing) -> None:
    bus.kill()
    for each in bus.blocks(STREAM):
        each.unlink()


def with_a_spoilt_name(bus: Ailing) -> None:
    bus.kill()
    flip_a_bit(bus.file(STREAM, "meta.inf"))


def with_a_spoilt_index(bus: Ailing) -> None:
    bus.end()
    flip_a_bit(bus.file(STREAM, "msgs/index.db"))


def with_spoilt_readers(bus: Ailing) -> None:
    bus.kill()
    flip_a_bit(bus.file(STREAM, f"obs/{CONSUMER}/o.dat"))
    flip_a_bit(bus.file(STREAM, f"obs/{CONSUMER}/meta.inf"))


DAMAGES = [wiped, flipped, flipped_at_the_very_beginning, truncated, without_its_messages]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_what_a_disk_has_lost_is_said_again_while_nobody_says_anything_new(
    each_pair: Pair, damage: Callable[[Ailing], None]
) -> None:
    async with each_pair.speaker() as speaker:
        await each_pair.say(speaker)
        damage(each_pair.bus)
        each_pair.bus.start()
        await each_pair.bus.declare()
        async with each_pair.listener():
            await each_pair.everything_is_well()
            again = forgotten(speaker)
            await each_pair.say(speaker, 20)
            await each_pair.everything_is_well()

    assert 0 < again <= FACTS


@pytest.mark.parametrize("damage", [wiped, flipped])
async def test_a_listener_who_had_heard_everything_hears_nothing_twice_and_what_comes_then(
    pair: Pair, damage: Callable[[Ailing], None]
) -> None:
    async with pair.speaker() as speaker, pair.listener():
        await pair.say(speaker)
        await pair.everything_is_well()
        damage(pair.bus)
        pair.bus.start()
        await pair.bus.declare()
        await until(pair.held, within=HEALED_WITHIN)
        again = forgotten(speaker)
        await pair.say(speaker, 20)
        await pair.everything_is_well()

    assert 0 < again <= FACTS


async def test_a_stream_that_cannot_be_read_any_more_keeps_no_broker_from_starting(pair: Pair) -> None:
    async with pair.speaker() as speaker, pair.listener():
        await pair.say(speaker)
        with_a_spoilt_name(pair.bus)
        pair.bus.start()
        lost = await pair.bus.ask(f"STREAM.INFO.{STREAM}")
        await pair.bus.declare()
        await pair.say(speaker, 20)
        await pair.everything_is_well()

    assert lost["error"]["description"] == "stream not found"


@pytest.mark.parametrize("damage", [with_a_spoilt_index, with_spoilt_readers])
async def test_what_the_broker_makes_again_by_itself_or_is_given_again_is_not_said_again(
    pair: Pair, damage: Callable[[Ailing], None]
) -> None:
    async with pair.speaker() as speaker, pair.listener():
        await pair.say(speaker)
        await pair.everything_is_well()
        damage(pair.bus)
        pair.bus.start()
        await pair.bus.declare()
        await pair.say(speaker, 20)
        await pair.everything_is_well()
        told = forgotten(speaker)

    assert told == 0


@pytest.mark.parametrize("damage", [wiped, flipped, truncated])
async def test_a_loss_that_happened_while_everybody_was_away_is_found_at_the_next_start(
    each_pair: Pair, damage: Callable[[Ailing], None]
) -> None:
    async with each_pair.speaker() as speaker:
        await each_pair.say(speaker)
    damage(each_pair.bus)
    each_pair.bus.start()
    await each_pair.bus.declare()

    async with each_pair.speaker() as speaker, each_pair.listener():
        await each_pair.everything_is_well()
        again = forgotten(speaker)

    assert 0 < again <= FACTS


@pytest.mark.parametrize(
    ("verb", "again"),
    [
        (f"STREAM.DELETE.{STREAM}", FACTS),
        (f"STREAM.PURGE.{STREAM}", FACTS),
        (f"CONSUMER.DELETE.{STREAM}.{CONSUMER}", 0),
    ],
)
async def test_what_an_administrator_deletes_is_made_and_said_again(each_pair: Pair, verb: str, again: int) -> None:
    async with each_pair.speaker() as speaker, each_pair.listener():
        await each_pair.say(speaker)
        await each_pair.everything_is_well()
        assert (await each_pair.bus.ask(verb))["success"]
        await each_pair.bus.declare()
        await until(each_pair.held, within=HEALED_WITHIN)
        await each_pair.say(speaker, 20)
        await each_pair.everything_is_well()
        told = forgotten(speaker)

    assert told == again


async def test_one_message_that_is_deleted_in_the_middle_is_said_again_alone(pair: Pair) -> None:
    async with pair.speaker() as speaker:
        await pair.say(speaker)
        assert (await pair.bus.ask(f"STREAM.MSG.DELETE.{STREAM}", b'{"seq": 150, "no_erase": true}'))["success"]
        async with pair.listener():
            await pair.everything_is_well()
            told = forgotten(speaker)

    assert told == 1


async def test_what_a_running_broker_passes_over_in_silence_is_found_by_reading_back(each_pair: Pair) -> None:
    async with each_pair.speaker() as speaker:
        await each_pair.say(speaker, 150, padding=60_000)
        oldest, *newer = each_pair.bus.blocks(STREAM)
        each_pair.bus.end()
        flip_a_bit(oldest)
        each_pair.bus.start()
        state = (await each_pair.bus.ask(f"STREAM.INFO.{STREAM}"))["state"]
        speaker.relay.memory.reads_every = 0.0
        await until(lambda: found_out(speaker), within=HEALED_WITHIN)
        async with each_pair.listener():
            await each_pair.everything_is_well()
            told = forgotten(speaker)

    assert newer and (state["messages"], state.get("num_deleted", 0)) == (150, 0)
    assert told == 1


def put_a_copy_aside(bus: Ailing, where: Path) -> None:
    bus.end()
    bus.copy(where)
    bus.start()


async def write_for_another_share(client: Any) -> None:
    for _ in range(150):
        await client.request("referrals.risk-cleared.v1.0", b"what another share says", timeout=5)


async def found_out(speaker: Mailbox) -> bool:
    speaker.relay.wake()
    return forgotten(speaker) > 0


async def test_an_old_copy_that_another_share_has_written_past_is_found_out(each_pair: Pair, tmp_path: Path) -> None:
    async with each_pair.speaker() as speaker:
        await each_pair.say(speaker, 100)
        put_a_copy_aside(each_pair.bus, tmp_path / "copy")
        await each_pair.say(speaker, 100)
    each_pair.bus.end()
    each_pair.bus.restore(tmp_path / "copy")
    each_pair.bus.start()
    other = await each_pair.bus.client("referrals")
    await write_for_another_share(other)
    await other.close()

    async with each_pair.speaker() as speaker, each_pair.listener():
        await each_pair.everything_is_well()
        told = forgotten(speaker)

    assert told == 100


async def test_a_stream_that_does_not_answer_is_not_thought_to_have_lost_everything(pair: Pair) -> None:
    async with pair.speaker() as speaker:
        await pair.say(speaker, 100)
    connection = await pair.bus.client("referrals")
    memory = Memory(pair.speaks, Meters(CollectorRegistry()))
    await memory.look(connection, STREAM)
    await pair.bus.ask(f"STREAM.DELETE.{STREAM}")

    with pytest.raises(NotTaken, match="cannot be read back"):
        await memory.read_back(connection, STREAM)

    await connection.close()
    assert await pair.all_sent()


async def test_a_stream_that_was_made_anew_is_known_by_its_birth_however_much_it_holds(pair: Pair) -> None:
    async with pair.speaker() as speaker:
        await pair.say(speaker, 100)
    await pair.bus.ask(f"STREAM.DELETE.{STREAM}")
    await pair.bus.declare()
    other = await pair.bus.client("referrals")
    await write_for_another_share(other)

    count = await Memory(pair.speaks, Meters(CollectorRegistry())).look(other, STREAM)

    await other.close()
    assert count == 100


async def test_a_broker_that_gives_out_a_place_twice_is_found_out_by_its_answer(pair: Pair, tmp_path: Path) -> None:
    async with pair.speaker() as speaker:
        await pair.say(speaker, 100)
        speaker.relay.memory.looks_every = speaker.relay.memory.reads_every = 60.0
        await asyncio.sleep(2.5)
        put_a_copy_aside(pair.bus, tmp_path / "copy")
        await pair.say(speaker, 50)
        pair.bus.kill()
        pair.bus.restore(tmp_path / "copy")
        # Nothing but the answers may tell: what there is to say takes the stream past where it was.
        pair.bus.start()
        await pair.say(speaker, 100)
        async with pair.listener():
            await pair.everything_is_well()
            told = forgotten(speaker)

    assert told == 50


async def test_what_has_only_grown_old_is_not_said_again(pair: Pair) -> None:
    async with pair.speaker() as speaker:
        await pair.say(speaker)
        config = (await pair.bus.ask(f"STREAM.INFO.{STREAM}"))["config"]
        await change(pair.bus, {**config, "max_age": 1_000_000_000, "duplicate_window": 1_000_000_000})
        await until(lambda: holds(pair.bus, STREAM, 0), within=10)
        await asyncio.sleep(2.5)
        told = forgotten(speaker)

    async with pair.speaker() as speaker:
        await asyncio.sleep(0.5)
        told_at_the_start = forgotten(speaker)

    assert (told, told_at_the_start) == (0, 0)


async def change(bus: Ailing, config: dict[str, Any]) -> None:
    assert "error" not in await bus.ask(f"STREAM.UPDATE.{config['name']}", json.dumps(config).encode())


def answers(how_many: int, *, size: int) -> list[Status]:
    return [Status("general-hospital", "referral", str(uuid4()), {"status": "." * size}) for _ in range(how_many)]


async def test_a_full_stream_of_answers_that_drops_its_oldest_is_not_told_the_same_for_ever(pair: Pair) -> None:
    config = (await pair.bus.ask(f"STREAM.INFO.{ANSWERS}"))["config"]
    await change(pair.bus, {**config, "max_bytes": 1 << 20})
    async with pair.speaker() as speaker:
        for _ in range(3):
            await speaker.run(say_all, answers(15, size=50_000))
            await until(pair.all_sent)
            await asyncio.sleep(2.2)
        told = forgotten(speaker, ANSWERS)
    state = (await pair.bus.ask(f"STREAM.INFO.{ANSWERS}"))["state"]

    async with pair.speaker() as speaker:
        await asyncio.sleep(1.5)
        told_at_the_start = forgotten(speaker, ANSWERS)

    assert state["first_seq"] > 20 and state["last_seq"] == 45
    assert (told, told_at_the_start) == (0, 0)


async def test_answers_that_an_organisation_could_not_read_any_more_are_said_again(each_pair: Pair) -> None:
    async with each_pair.speaker() as speaker:
        await speaker.run(say_all, answers(20, size=10))
        await until(each_pair.all_sent)
        assert (await each_pair.bus.ask(f"STREAM.PURGE.{ANSWERS}"))["success"]
        await until(lambda: holds(each_pair.bus, ANSWERS, 20), within=HEALED_WITHIN)
        told = forgotten(speaker, ANSWERS)

    assert told == 20


async def test_an_answer_whose_place_another_took_while_nobody_wrote_it_down_is_said_again(
    pair: Pair, tmp_path: Path
) -> None:
    async with pair.speaker() as speaker:
        await speaker.run(say_all, answers(3, size=10))
        await until(pair.all_sent)
        put_a_copy_aside(pair.bus, tmp_path / "copy")
        await speaker.run(say_all, answers(1, size=10))
        await until(pair.all_sent)
    pair.bus.end()
    pair.bus.restore(tmp_path / "copy")
    pair.bus.start()
    async with pair.speaks.transaction() as db:
        await say(db, "referrals", answers(1, size=10))
        row = (await db.execute(select(outbox).where(outbox.c.sent_at.is_(None)))).mappings().one()
    dying = await pair.bus.client("referrals")
    await dying.request(row["subject"], row["body"], headers=_headers({**row, "opens": 1, "preceded_at": None}))
    await dying.close()

    async with pair.speaker() as speaker:
        await until(lambda: holds(pair.bus, ANSWERS, 5), within=HEALED_WITHIN)
        told = forgotten(speaker, ANSWERS)

    assert told == 1


async def holds(bus: Ailing, stream: str, messages: int) -> bool:
    return (await bus.ask(f"STREAM.INFO.{stream}"))["state"]["messages"] == messages


@pytest.mark.parametrize("verb", ["DELETE", "PURGE"])
async def test_two_shares_that_find_the_same_loss_say_it_again_once(
    bus: Ailing, database: Database, tmp_path: Path, verb: str
) -> None:
    pair = Pair(bus, await with_shared_tables(database), database)
    async with pair.speaker() as speaker:
        await pair.say(speaker)
    shares = [Memory(database, Meters(CollectorRegistry())) for _ in range(2)]
    connection = await bus.client("referrals")
    for each in shares:
        each.looks_every = 0.0
        assert await each.look(connection, STREAM) == 0
    await bus.ask(f"STREAM.{verb}.{STREAM}")
    await bus.declare()

    counts = await asyncio.gather(*(each.look(connection, STREAM) for each in shares))
    later = [await each.look(connection, STREAM) for each in shares]

    await connection.close()
    assert sum(counts) == FACTS
    assert later == [0, 0]
