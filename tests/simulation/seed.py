"""Runs one seed from its first post to its last check."""

import asyncio
import gc
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from random import Random

from shared import names, sealed
from shared.mailbox import relay
from tests.simulation import checks, slips
from tests.simulation.nemesis import Nemesis
from tests.simulation.office import Office
from tests.simulation.process import LOOKS_EVERY, POLLS_EVERY, READS_EVERY
from tests.simulation.store import Store
from tests.simulation.virtual import TimeStands, VirtualLoop, run
from tests.simulation.weather import Weather
from tests.simulation.world import Restless, World

STEPS, BATCH = 60, 4
LEFT = 50_000
"""So many objects may wait to be collected after a seed."""
SHORT, LONG = (0, 6), (8, 20)
"""How many rounds a story lasts until the weather clears: only in a long one it is rough when visits come near."""


@dataclass
class Outcome:
    """What became of a seed."""

    seed: int
    broken: list[str] = field(default_factory=list)
    slips: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    trace: list[str] = field(default_factory=list)
    digest: str = ""


@cache
def stores() -> dict[str, Store]:
    """The four stores, migrated once and emptied for every seed."""
    found = {each: Store(each) for each in names.SERVICES}

    async def migrate() -> None:
        for each in found.values():
            await each.migrate()

    asyncio.run(migrate())
    # What is here now stays: a collection that walks through all of it would cost more than a seed.
    gc.collect()
    gc.freeze()
    return found


def play(seed: int) -> Outcome:
    """Play a seed."""
    sealed.use({"k1": bytes(range(32))}, "k1")
    chance = Random(seed)
    for each in stores().values():
        each.empty()
    outcome = Outcome(seed)
    slips.MET.clear()

    async def whole(loop: VirtualLoop) -> None:
        world = World(loop, chance, stores(), Weather.of(chance))
        try:
            await _story(world, outcome)
        except Restless as wrong:
            outcome.broken = [str(wrong)]
        finally:
            for process in world.processes.values():
                process.ends()
            await asyncio.sleep(0.01)
            outcome.trace, outcome.happened = list(world.trace), world.weather.happened
            told = "\n".join([*outcome.trace, checks.digest(world.stores)])
            outcome.digest = hashlib.sha256(told.encode()).hexdigest()

    try:
        with _batches_of(BATCH):
            run(whole, chance)
    except TimeStands as wrong:
        outcome.broken = [f"at_rest: {wrong}"]
    outcome.slips = sorted(set(slips.MET))
    if gc.get_count()[0] > LEFT:
        gc.collect()
    return outcome


@contextmanager
def _batches_of(size: int) -> Iterator[None]:
    """So few people never say enough at once for a batch: here less is enough."""
    before, relay.ATOMIC_FROM = relay.ATOMIC_FROM, size
    try:
        yield
    finally:
        relay.ATOMIC_FROM = before


async def _story(world: World, outcome: Outcome) -> None:
    world.start()
    loop = asyncio.get_running_loop()
    watching, nemesis = loop.create_task(world.watch_over()), Nemesis(world)
    striking = loop.create_task(nemesis.for_ever())
    office = Office(world)
    await office.open()
    for _ in range(world.chance.randint(*(LONG if world.chance.random() < 0.25 else SHORT))):
        await world.settle(world.chance.random() * 2)
        await office.act()
        await world.settle(world.chance.random() * 2)
        nemesis.strike()
        if due := world.next_due():
            world.step_to(world.later_than(due))
    striking.cancel()
    watching.cancel()
    await _heal(world, office)
    await _to_the_end(world, office)
    outcome.broken = checks.all_of(world, office)
    outcome.broken += await _heard_again(world, office)


async def _heal(world: World, office: Office) -> None:
    """Let nothing go wrong any more; only what was given up gets the start at which it is tried again."""
    world.weather.clears_up()
    for service, process in world.processes.items():
        if process.dead or world.gave_up(service):
            world.restart(service)
    await asyncio.sleep(_until_noticed(world))
    await world.come_to_rest()
    await office.post_again_what_was_never_answered()


def _until_noticed(world: World) -> float:
    """The seconds within which a relay notices what its streams have lost."""
    happened = world.weather.happened
    if happened["bit flipped"]:
        return 2 * POLLS_EVERY + READS_EVERY
    lost = ("hole", "tail lost", "stream wiped", "broker wiped")
    return POLLS_EVERY + LOOKS_EVERY if any(happened[each] for each in lost) else 0.0


async def _to_the_end(world: World, office: Office) -> None:
    """Let time pass until no timer is left."""
    for _ in range(STEPS):
        await world.come_to_rest()
        await office.act()
        await world.come_to_rest()
        due = world.next_due()
        if due is None:
            return
        world.step_to(due)


async def _heard_again(world: World, office: Office) -> list[str]:
    """I8: let everybody hear every stream twice more; it changes nothing."""
    before = checks.digest(world.stores)
    for _ in range(2):
        for each in world.broker.consumers.values():
            each.reset()
        await world.come_to_rest()
    return [] if checks.digest(world.stores) == before else ["heard_again: hearing everything twice changed a store"]
