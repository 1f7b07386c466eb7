"""A broker as JetStream is towards us: streams, durable consumers, acknowledgements; and how it fails."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import nats.errors

from deploy.nats import plan
from shared import clock
from shared.programme import Organisation
from tests.simulation.slips import noted
from tests.simulation.streams import Kept, Stream
from tests.simulation.weather import Weather

HOP = 0.002
"""Seconds from a client to the broker or back."""
ACK_WAIT = 3.0


@dataclass(slots=True)
class Delivery:
    """One delivery of a message to a consumer, as nats-py hands it over."""

    consumer: "Consumer"
    kept: Kept
    deaf: Callable[[], bool]

    @property
    def subject(self) -> str:
        """The subject it was published on."""
        return self.kept.subject

    @property
    def data(self) -> bytes:
        """Its body."""
        return self.kept.data

    @property
    def headers(self) -> dict[str, str]:
        """Its envelope."""
        return self.kept.headers

    @property
    def metadata(self) -> Any:
        """Where it is kept, and since when."""
        place = SimpleNamespace(stream=self.kept.sequence)
        return SimpleNamespace(stream=self.consumer.stream.name, sequence=place, timestamp=self.kept.at)

    async def ack(self) -> None:
        """Say that it need not come again; nobody answers."""
        if not self.deaf():
            self.consumer.acknowledge(self.kept)


@dataclass
class Consumer:
    """A durable consumer: what it gave out and has not heard of comes again."""

    broker: "Broker"
    name: str
    stream: Stream
    prefixes: tuple[str, ...]
    reached: int = 0
    pending: dict[int, float] = field(default_factory=dict)
    listener: "Subscription | None" = None
    looks: bool = False

    @property
    def is_done(self) -> bool:
        """Whether everything was given out and acknowledged."""
        return not self.pending and self.reached >= self.stream.last

    def push(self) -> None:
        """Give out what is new to whoever listens."""
        if self.listener is None:
            return
        while self.reached < self.stream.last:
            self.reached += 1
            kept = self.stream.readable(self.reached)
            if kept and kept.subject.startswith(self.prefixes):
                self._give(kept)

    def _give(self, kept: Kept) -> None:
        weather, loop = self.broker.weather, self.broker.loop
        if self.listener is None:
            return
        self.pending[kept.sequence] = loop.time() + ACK_WAIT
        delivery = Delivery(self, kept, self.listener.deaf)
        if weather.strikes("delivered late"):
            loop.call_later(HOP + weather.chance.random() * 2 * ACK_WAIT, self.listener.arrive, delivery)
        else:
            self.listener.arrive_in_order(delivery)
        if weather.strikes("delivered twice"):
            again = HOP + weather.chance.random() * ACK_WAIT
            loop.call_later(again, self.listener.arrive, Delivery(self, kept, self.listener.deaf))
        if not self.looks:
            self.looks = True
            loop.call_later(ACK_WAIT, self._look_again)

    def _look_again(self) -> None:
        """Give out again what nobody acknowledged in time."""
        moment, self.looks = self.broker.loop.time(), False
        for sequence in [each for each, until in self.pending.items() if until <= moment + HOP]:
            del self.pending[sequence]
            kept = self.stream.readable(sequence)
            if kept and self.listener:
                self.broker.weather.note("redelivered")
                self._give(kept)
            elif kept:
                self.pending[sequence] = moment + ACK_WAIT
        if self.pending and not self.looks:
            self.looks = True
            self.broker.loop.call_later(max(min(self.pending.values()) - moment, HOP), self._look_again)

    def acknowledge(self, kept: Kept) -> None:
        """Take an acknowledgement, unless it is lost, or was meant for what had this place in a stream now gone."""
        if not self.broker.weather.strikes("ack lost") and self.stream.messages.get(kept.sequence) is kept:
            self.pending.pop(kept.sequence, None)

    def reset(self, reached: int = 0) -> None:
        """Begin again, after `reached`."""
        self.reached = min(self.reached, reached)
        self.pending = {each: until for each, until in self.pending.items() if each <= reached}
        self.push()


class Subscription:
    """A process's side of a consumer: what arrives gathers until the batch before is done."""

    def __init__(self, consumer: Consumer, take: Callable[[list[Any]], Any], deaf: Callable[[], bool]) -> None:
        self.consumer, self.take, self.deaf = consumer, take, deaf
        self.arrived: list[Delivery] = []
        self.something = asyncio.Event()
        self._seen: set[int] = set()
        self._under_way: deque[Delivery] = deque()

    def arrive_in_order(self, delivery: Delivery) -> None:
        """Take in a delivery after those before it."""
        self._under_way.append(delivery)
        self.consumer.broker.loop.call_later(HOP, self._next_arrives)

    def _next_arrives(self) -> None:
        self.arrive(self._under_way.popleft())

    def arrive(self, delivery: Delivery) -> None:
        """Take in a delivery."""
        if self.deaf():
            return
        place = delivery.kept.sequence
        if place not in self._seen and place < max(self._seen, default=0):
            self.consumer.broker.weather.note("reordered")
        self._seen.add(place)
        self.arrived.append(delivery)
        self.something.set()

    async def for_ever(self) -> None:
        """Hand over whatever has arrived, as one list; what breaks comes again when nobody acknowledged it."""
        while True:
            await self.something.wait()
            self.something.clear()
            batch, self.arrived = self.arrived, []
            try:
                with noted():
                    await self.take(batch)
            except Exception as wrong:
                self.consumer.broker.weather.note(f"a batch broke: {type(wrong).__name__}")


class Broker:
    """All streams and consumers."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, weather: Weather, organisations: Sequence[Organisation]
    ) -> None:
        self.loop, self.weather = loop, weather
        self.streams: dict[str, Stream] = {}
        self.consumers: dict[tuple[str, str], Consumer] = {}
        self.births = 0
        for each in plan.streams(organisations):
            self.streams[each.name] = Stream(each.name, each.config, self._birth())
        self.declared = {(each.stream, each.name): each.subjects for each in plan.consumers(organisations)}

    def _birth(self) -> str:
        self.births += 1
        return f"{clock.real().isoformat()} {self.births}"

    def consumer(self, stream: str, name: str) -> Consumer:
        """Find a durable consumer, or make it as it is declared."""
        place = stream, name
        if place not in self.consumers:
            prefixes = tuple(each.rstrip(">") for each in self.declared[place])
            self.consumers[place] = Consumer(self, name, self.streams[stream], prefixes)
        return self.consumers[place]

    def store(self, subject: str, data: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """Keep a message, and answer as the broker does."""
        for stream in self.streams.values():
            if stream.takes(subject):
                sequence, known = stream.keep(subject, data, headers)
                self.told(stream)
                return {"stream": stream.name, "seq": sequence, **({"duplicate": True} if known else {})}
        raise nats.errors.NoRespondersError

    def knows(self, subject: str, headers: dict[str, str]) -> bool:
        """Whether it has a message of this id already; a batch with one is refused whole."""
        identity = headers.get("Nats-Msg-Id", "")
        return any(identity in stream.ids for stream in self.streams.values() if stream.takes(subject))

    def told(self, stream: Stream) -> None:
        """Let everybody who reads a stream have what is new."""
        for each in self.consumers.values():
            if each.stream is stream:
                each.push()

    @property
    def is_done(self) -> bool:
        """Whether everything that is kept was heard."""
        return all(each.is_done for each in self.consumers.values())

    def wipe(self, name: str) -> None:
        """Forget a stream and its consumers, which are declared anew."""
        stream = self.streams[name]
        stream.messages.clear()
        stream.ids.clear()
        stream.spoilt.clear()
        stream.last, stream.created = 0, self._birth()
        for each in self.consumers.values():
            if each.stream is stream:
                each.reached = 0
                each.pending.clear()

    def lose_tail(self, name: str, count: int) -> None:
        """Forget the newest messages, as a disk does that had promised too much; consumers step back with it."""
        stream = self.streams[name]
        last = max(stream.last - count, 0)
        stream.lose([each for each in stream.messages if each > last], last=last)
        for each in self.consumers.values():
            if each.stream is stream:
                each.reset(last)

    def lose_middle(self, name: str) -> bool:
        """Forget a message that others follow; whether there was one."""
        stream = self.streams[name]
        within = [each for each in stream.messages if each < stream.last]
        if within:
            stream.lose([self.weather.chance.choice(within)])
        return bool(within)

    def spoil(self, name: str) -> bool:
        """Flip a bit of a message, so that it is passed over; whether there was one."""
        stream = self.streams[name]
        there = [each for each in stream.messages if each not in stream.spoilt]
        if there:
            stream.spoil(self.weather.chance.choice(there))
        return bool(there)
