"""Organisations that post referrals on the bus, each with its own key."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.world.edges import Edges
from deploy.world.people import Person
from shared import names
from tests.bench import crowd

AT_ONCE = 200
"""Posts under way at a time: a hospital's system sends the next when one of them is taken."""

Posts = Sequence[tuple[Person, bytes]]


def written(people: Sequence[Person]) -> Posts:
    """Each person with the body of their referral."""
    return [(each, crowd.body(each)) for each in people]


class Posters:
    """Whoever refers."""

    def __init__(self, edges: Edges) -> None:
        self.edges = edges

    async def post(self, posts: Posts) -> None:
        """Post referrals; done when the broker has them all."""
        for start in range(0, len(posts), AT_ONCE):
            await asyncio.gather(*(self._post(*each) for each in posts[start : start + AT_ONCE]))

    async def _post(self, person: Person, body: bytes) -> None:
        subject = names.ingest_subject(person.organisation, "referral")
        await self.edges.post_on_bus(person.organisation, subject, body, person.identifier)


@asynccontextmanager
async def posters(url: str, seeds: Mapping[str, Path]) -> AsyncIterator[Posters]:
    """Connected to the bus; `seeds` are the key files by name."""
    edges = Edges(None, {}, {})  # type: ignore[arg-type]
    await edges.open_bus(url, {each: seeds[each] for each in crowd.POSTERS})
    try:
        yield Posters(edges)
    finally:
        await edges.close()
