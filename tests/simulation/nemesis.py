"""The large things that go wrong: processes die, streams are wiped, cut short, spoilt, databases go away."""

import asyncio
from collections.abc import Callable

from shared import names
from tests.simulation.people import HOSPITAL
from tests.simulation.world import World

SPOKEN = [names.stream(each) for each in names.SERVICES]
LOSABLE = [*SPOKEN, names.SEALED_STREAM, names.status_stream(HOSPITAL), names.ingest_stream(HOSPITAL)]


class Nemesis:
    """Strikes at moments of its own, until the weather clears."""

    def __init__(self, world: World) -> None:
        self.world, self.chance = world, world.chance
        self.deeds: dict[str, Callable[[], None]] = {
            "crash": self._crash,
            "stream wiped": self._wipe_one,
            "broker wiped": self._wipe_all,
            "tail lost": self._lose_tail,
            "hole": self._lose_middle,
            "bit flipped": self._flip,
            "consumer reset": self._reset,
            "database away": self._send_away,
            "handlers fail": self._break_handlers,
        }

    async def for_ever(self) -> None:
        """Strike now and then."""
        while True:
            await asyncio.sleep(self.chance.expovariate(2.0))
            self.strike()

    def strike(self) -> None:
        """Do the next large thing, if any is left."""
        if self.world.weather.events:
            self.deeds[self.world.weather.events.pop()]()

    def _crash(self) -> None:
        self.world.crash(self.chance.choice(names.SERVICES))

    def _stream(self) -> str:
        return self.chance.choice([each for each in LOSABLE if self.world.broker.streams[each].messages] or LOSABLE)

    def _wipe_one(self) -> None:
        self._note("stream wiped", self._stream(), self.world.broker.wipe)

    def _wipe_all(self) -> None:
        held = any(self.world.broker.streams[each].messages for each in LOSABLE)
        for each in LOSABLE:
            self.world.broker.wipe(each)
        if held:
            self.world.weather.note("broker wiped")

    def _note(self, what: str, stream: str, deed: Callable[[str], object]) -> None:
        if self.world.broker.streams[stream].messages and deed(stream) is not False:
            self.world.weather.note(what)
            self.world.note(f"{what}: {stream}")

    def _lose_tail(self) -> None:
        count = self.chance.randint(1, 4)
        self._note("tail lost", self._stream(), lambda name: self.world.broker.lose_tail(name, count))

    def _lose_middle(self) -> None:
        self._note("hole", self._stream(), self.world.broker.lose_middle)

    def _flip(self) -> None:
        # What organisations read and write is not read back: they ask again for what they were not told.
        self._note("bit flipped", self.chance.choice([*SPOKEN, names.SEALED_STREAM]), self.world.broker.spoil)

    def _reset(self) -> None:
        for consumer in self.world.broker.consumers.values():
            if self.chance.random() < 0.5:
                consumer.reset()
        self.world.weather.note("consumer reset")

    def _send_away(self) -> None:
        process = self.world.processes[self.chance.choice(names.SERVICES)]
        process.away_until = self.world.loop.time() + self.chance.random() * 3

    def _break_handlers(self) -> None:
        process = self.world.processes[self.chance.choice(names.SERVICES)]
        process.fails_until = self.world.loop.time() + 0.1 + self.chance.random()
        self.world.weather.note("handlers fail")
