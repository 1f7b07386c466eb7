"""Where a running deployment is changed: one at a time, and each step only when what runs has followed."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import nats.errors

from deploy import asking, premises
from deploy.claim import changing, is_claimed
from deploy.nats import configuration, probe
from deploy.premises import Addresses, Premises, known
from deploy.reloading import BROKER
from deploy.supervisor import StartError
from deploy.up import open_bus
from shared.programme import Organisation, Programme

AGAIN = 0.3
"""Seconds between two looks whether something has followed."""

Change = dict[str, Any]


class NotYet(Exception):
    """Something that runs has not followed; the message says what already counts, and what to do."""


@dataclass(frozen=True)
class Done:
    """What was done: the folder as it is now, whether anything runs from it, and the new API key where there is one.

    `until` is when what was replaced ends. `here` says that `up` runs the broker, and so has it forget keys in time.
    """

    premises: Premises
    runs: bool
    here: bool
    key: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Desk:
    """A folder that nobody else changes meanwhile."""

    before: Premises
    addresses: Addresses | None
    within: float

    def done(self, now: Premises, key: str = "", until: datetime | None = None) -> Done:
        """This will say what was done."""
        runs = self.addresses is not None
        return Done(now, runs, runs and _keeps_broker(self.data), key, until)

    @property
    def data(self) -> Path:
        """This will give the folder."""
        return self.before.data

    @property
    def seeds(self) -> Path:
        """This will give the folder of the broker's keys."""
        return self.data / "nats" / "keys"

    def one(self, organisation_id: str) -> Organisation:
        """This will find an organisation; ValueError says which there are."""
        found = self.before.programme.organisations.get(organisation_id)
        if found is None:
            there = ", ".join(sorted(self.before.programme.organisations))
            raise ValueError(f"There is no organisation {organisation_id!r}; there are: {there}.")
        return found

    def configure(self, programme: Programme) -> Premises:
        """This will write the broker's configuration for a programme."""
        organisations = list(programme.organisations.values())
        broker = configuration.rewrite(self.data / "nats", organisations, shares=self.before.shares)
        return replace(self.before, programme=programme, broker=broker)

    async def until_let_in(self, now: Premises, organisation_id: str, seed: str) -> None:
        """This will return when the broker lets a seed in, where anything runs; else raise NotYet."""
        if self.addresses:
            url = self.addresses.nats
            await open_bus(url, now, within=self.within)
            if not await self._comes_true(lambda: probe.lets_in(url, seed, organisation_id)):
                raise NotYet(
                    f"The broker at {url} does not know {organisation_id} so: {_to_read(now)} Nothing counts yet; then "
                    "give this command once more, and it goes on from here."
                )

    async def until_cut_off(self, now: Premises, organisation_id: str, seed: str, *, done: str) -> None:
        """This will return when a broker that runs refuses a seed; else raise NotYet, with what is done."""
        if self.addresses:
            url = self.addresses.nats

            async def refused() -> bool:
                return not await probe.knows(url, seed, organisation_id)

            if not await self._comes_true(refused):
                raise NotYet(f"{done}, but the broker at {url} has not followed: {_to_read(now)} Nothing else is left.")

    def write(self, content: str) -> None:
        """This will write the programme, for those to read who could before."""
        path = file(self.data)
        premises.replace(path, content, like=path.stat())

    async def until_followed(self, *, done: str) -> None:
        """This will return when what runs has taken over the programme; else raise NotYet, with what is done."""
        if not self.addresses:
            return
        path = file(self.data)
        digest, waits = hashlib.sha256(path.read_bytes()).hexdigest(), dict[str, str]()

        async def followed() -> bool:
            waits.clear()
            waits.update(await _behind(self.data, digest))
            return not waits

        if not await self._comes_true(followed):
            told = "; ".join(f"{service} {why}" for service, why in waits.items())
            raise NotYet(f"{done}, and {path} is written, but not yet taken over: {told}.")

    async def _comes_true(self, check: Callable[[], Awaitable[bool]]) -> bool:
        deadline = time.monotonic() + self.within
        while True:
            try:
                if await check():
                    return True
            except (nats.errors.Error, OSError, TimeoutError):
                # Away for a moment, or for good: the deadline tells.
                pass
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(AGAIN)


@asynccontextmanager
async def desk_at(data: Path, within: float) -> AsyncIterator[Desk]:
    """This will look at a folder, and keep everybody else from changing it; FileNotFoundError where there is none."""
    found = known(data)
    with changing(found.data):
        yield Desk(known(data), await _addresses(found.data), within)


async def _addresses(data: Path) -> Addresses | None:
    """This will give where everything listens, or None where nothing runs."""
    try:
        addresses = Addresses.read(data)
    except FileNotFoundError:
        return None
    return addresses if is_claimed(data) or await asking.anybody(addresses) else None


def _keeps_broker(data: Path) -> bool:
    """This will say whether an `alongside up` runs from the folder, and the broker with it."""
    noted = data / "processes.json"
    return is_claimed(data) and noted.exists() and BROKER in json.loads(noted.read_text())


def file(data: Path) -> Path:
    """This will give the programme's file itself, also behind a link."""
    return (data / "programme.json").resolve()


def edited(data: Path, organisation_id: str, change: Change) -> tuple[str, Programme]:
    """This will change one organisation in the file's own words; None takes a field out. Nothing is written."""
    path = file(data)
    content = json.loads(path.read_bytes())
    entry = {**content["organisations"].get(organisation_id, {}), **change}
    content["organisations"][organisation_id] = {name: value for name, value in entry.items() if value is not None}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return text, Programme.parse(text.encode(), path)


async def _behind(data: Path, digest: str) -> dict[str, str]:
    """This will say of each service that has not taken over the file why."""
    try:
        told = await asking.everybody(data, "/programme")
    except (asking.Refused, StartError) as nobody:
        return {"no service": f"answers ({nobody})"}
    behind = {service: f"does not answer at {place}" for service, place in told.silent.items()}
    for service, answer in told.answers.items():
        if answer["digest"] != digest:
            behind[service] = answer["refused"] or "reads another copy: put this one in its place"
    return behind


def _to_read(now: Premises) -> str:
    if _keeps_broker(now.data):
        return f"{now.data / 'logs' / 'nats-server.log'} says why it does not take {now.broker.path}."
    return f"have it read {now.broker.path} again, by SIGHUP twice or a restart."
