"""Insurers that ask, every week, which sessions of their members are covered."""

from datetime import datetime, timedelta
from typing import Any

from deploy.world.edges import Edges

PAYERS = ("garden-health", "carolina-mco")


class Insuring:
    """One insurer asks over HTTP, the other on the bus."""

    def __init__(self, edges: Edges, begin: datetime) -> None:
        self.edges, self.begin = edges, begin
        self.next_moment = begin + timedelta(days=7)
        self.totals: dict[str, dict[str, Any]] = {}
        self.asked = 0

    async def act(self, now: datetime) -> bool:
        """This will ask when the week is over; a question changes nothing."""
        if now >= self.next_moment:
            self.next_moment = now + timedelta(days=7)
            await self.ask(now)
        return False

    async def ask(self, now: datetime) -> None:
        """This will ask for everything so far, as each insurer does."""
        span = {"from": self.begin.date().isoformat(), "to": now.date().isoformat()}
        over_http, on_bus = PAYERS
        told = await self.edges.get("scheduling", "/covered-sessions", by=over_http, **span, limit="1")
        self.totals[over_http] = told["totals"]
        self.totals[on_bus] = (await self.edges.ask_on_bus(on_bus, {**span, "limit": 1}))["totals"]
        self.asked += 2
