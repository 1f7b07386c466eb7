"""Who hears what: handlers by fact, and the order in which a batch of facts reaches them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.fact import Fact
from shared.mailbox.said import Answer, Ingested, Said, Trip, flat

Handler = Callable[[Any, AsyncConnection], Awaitable[Answer]]
Call = Callable[[Any, Trip], Awaitable[Any]]
Then = Callable[..., Awaitable[Answer]]
Question = Callable[[Ingested, AsyncConnection], Awaitable[dict[str, Any] | BaseModel]]


@dataclass(frozen=True)
class Hearing:
    """A handler and whether it takes whatever gathered as one list."""

    handler: Handler
    many: bool


@dataclass(frozen=True)
class Outside:
    """How an errand is run: `timeout` in seconds; `repeatable` when the other side knows the key again.

    `many` says that `then` takes whatever came home together as one list of (errand, result).
    """

    call: Call
    then: Then
    timeout: float
    repeatable: bool
    many: bool = False

    async def come_home(self, results: Sequence[tuple[Fact, Any]], db: AsyncConnection) -> list[Said]:
        """This will hand results over, as one list or one after another, and give what is said of them."""
        if self.many:
            return flat(await self.then(results, db))
        return [said for fact, result in results for said in flat(await self.then(fact, result, db))]


@dataclass
class Switchboard:
    """The table of a service: which fact, posting, question and errand goes to which function."""

    speaker: str
    facts: dict[str, type[Fact]] = field(default_factory=dict)
    hearings: dict[str, Hearing] = field(default_factory=dict)
    timers: set[str] = field(default_factory=set)
    ingests: dict[str, Hearing] = field(default_factory=dict)
    schemas: dict[str, type[BaseModel]] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)

    def on(self, kind: Any, handler: Handler, *, many: bool = False) -> None:
        """This will give every fact of `kind` (a class, or classes joined by |) to `handler`; one handler a fact."""
        for each in get_args(kind) or (kind,):
            if each.type_name() in self.hearings:
                raise ValueError(f"{each.type_name()} already has a handler")
            self.facts[each.type_name()] = each
            self.hearings[each.type_name()] = Hearing(handler, many)

    def speakers(self) -> set[str]:
        """This will name the services whose ordinary facts are heard."""
        heard = [each for name, each in self.facts.items() if name not in self.timers and not each.SEALED_FOR]
        return {each.speaker() for each in heard}

    def hears_sealed(self) -> bool:
        """This will say whether sealed facts are heard."""
        return any(each.SEALED_FOR for each in self.facts.values())

    async def hear(self, heard: Sequence[tuple[str, Any]], db: AsyncConnection) -> list[Said]:
        """This will hand (ordering key, fact or posting) pairs to their handlers, in order for each key."""
        said: list[Said] = []
        for hearing, group in self._groups(heard):
            if hearing.many:
                said += flat(await hearing.handler(group, db))
            else:
                for each in group:
                    said += flat(await hearing.handler(each, db))
        return said

    def _groups(self, heard: Sequence[tuple[str, Any]]) -> list[tuple[Hearing, list[Any]]]:
        """This will gather what goes to the same handler, without letting one key's facts overtake each other."""
        groups: list[tuple[Hearing, list[Any]]] = []
        last: dict[str, int] = {}
        newest: dict[int, int] = {}
        for key, fact in heard:
            hearing = self._hearing(fact)
            index = newest.get(id(hearing.handler), -1)
            if index < 0 or index < last.get(key, 0):
                index = newest[id(hearing.handler)] = len(groups)
                groups.append((hearing, []))
            groups[index][1].append(fact)
            last[key] = index
        return groups

    def _hearing(self, fact: Any) -> Hearing:
        if isinstance(fact, Ingested):
            return self.ingests[fact.kind]
        return self.hearings[fact.type_name()]
