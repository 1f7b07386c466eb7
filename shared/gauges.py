"""What Prometheus is told of a service's store, read from it at each scrape."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import Gauge
from sqlalchemy import text

from shared import clock, work
from shared.away import is_away

if TYPE_CHECKING:
    from shared.service import Service

WITHIN = 5.0
"""Seconds the store has to answer; Prometheus itself gives up after ten."""

Look = Callable[["Service"], Awaitable[Any]]


class Gauges:
    """The gauges of one service: is it ready, does its store answer, what has it done, and who waits for a person."""

    def __init__(self, service: "Service") -> None:
        self._service, self._figures, self._kinds = service, dict[str, Gauge](), set[str]()
        self._ready = self._gauge("service_ready", "1 when the service hears and may be given work")
        self._reachable = self._gauge("database_reachable", "1 when the store answered in time")
        self._open = self._gauge("work_open_tasks", "Tasks that wait for a person", "kind")
        self._oldest = self._gauge("work_oldest_task_seconds", "How long the oldest open task has waited", "kind")
        self._overdue = self._gauge("work_oldest_overdue_seconds", "How long a task is past its due time", "kind")

    async def read(self, look: Look) -> None:
        """This will look, and set every gauge; when the store is away they keep their values, and one says so."""
        self._ready.set(self._service.ready)
        try:
            async with asyncio.timeout(WITHIN):
                await (self._read(look) if self._service.started else self._knock())
        except Exception as wrong:
            if not is_away(wrong):
                raise
            self._reachable.set(0)
        else:
            self._reachable.set(1)

    async def _knock(self) -> None:
        async with self._service.database.reading() as db:
            await db.execute(text("select 1"))

    async def _read(self, look: Look) -> None:
        await look(self._service)
        self._count(await self._service.counted())
        async with self._service.database.reading() as db:
            self._wait({each.kind: each for each in await work.open_by_kind(db)}, clock.now())

    def _count(self, figures: Mapping[str, int]) -> None:
        for name, value in figures.items():
            if name not in self._figures:
                self._figures[name] = self._gauge(name, f"{name.replace('_', ' ')}, from the store")
            self._figures[name].set(value)

    def _wait(self, found: Mapping[str, work.Waiting], now: datetime) -> None:
        """This will set the gauges of every kind ever seen: one that nobody waits for any more is 0, not gone."""
        self._kinds |= set(found)
        for kind in self._kinds:
            each = found.get(kind)
            self._open.labels(kind).set(each.count if each else 0)
            self._oldest.labels(kind).set(_since(each.opened_at, now) if each else 0)
            self._overdue.labels(kind).set(_since(each.due, now) if each else 0)

    def _gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, labels, registry=self._service.registry)


def _since(moment: datetime, now: datetime) -> float:
    return max((now - moment).total_seconds(), 0.0)
