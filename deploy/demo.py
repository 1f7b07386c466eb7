"""`alongside demo`: everything up, a small world on top of it, live progress, and a summary."""

import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.live import Live

from deploy import claim, display, stores
from deploy.premises import INBOUND, MARK, Addresses, database_urls, known
from deploy.supervisor import Child, Supervisor, refuse_taken_ports
from deploy.up import Plan, Running, running
from deploy.world import people, play, shown
from deploy.world.places import PROGRAMME
from deploy.world.play import Play
from deploy.world.tally import Summary
from shared import names

LIVE_EVERY = 20
PROVIDER = 5
"""The message provider's port, counted from the base as the services' are."""


@dataclass(frozen=True)
class Wanted:
    """What is to be played; `stay` leaves the system live, `attach` plays on one that runs already.

    `provider` is where that one's message provider answers, and `secret` what it shows when somebody writes back.
    """

    people: int
    seed: int
    stay: bool
    attach: bool = False
    provider: str | None = None
    secret: str | None = None


async def run(plan: Plan, wanted: Wanted, console: Console) -> Summary:
    """This will play the demo and give its summary."""
    async with AsyncExitStack() as stack:
        if not wanted.attach:
            refuse_what_no_demo_made(plan.data)
            stack.enter_context(claim.claimed(plan.data))
            refuse_taken_ports(_wanted_ports(plan.port_base))
            await stores.refuse_used(database_urls(plan.data, plan.database))
            begin_afresh(plan.data)
        return await _run(plan, wanted, console)


async def _run(plan: Plan, wanted: Wanted, console: Console) -> Summary:
    secret = wanted.secret or secrets.token_urlsafe(16)
    provider = wanted.provider or f"http://127.0.0.1:{plan.port_base + PROVIDER}"
    extra = (
        ("ALONGSIDE_NOTIFICATIONS_SMS_URL", f"{provider}/texts"),
        ("ALONGSIDE_NOTIFICATIONS_PAGER_URL", f"{provider}/pages"),
        (INBOUND, secret),
        ("NO_PROXY", "127.0.0.1"),
    )
    plan = replace(plan, programme=PROGRAMME, extra=extra, begins=people.BEGIN)
    async with (
        _system(plan, wanted, provider, console) as there,
        play.playing(there, provider, secret, count=wanted.people, seed=wanted.seed) as playing,
    ):
        summary = await _play(playing, console)
        console.print(shown.summary(summary, playing))
        if wanted.stay:
            await _stay(there, playing, console)
    return summary


def _wanted_ports(base: int) -> dict[int, str]:
    return {**{names.port(each, base): each for each in names.SERVICES}, base + PROVIDER: "the message provider"}


def refuse_what_no_demo_made(data: Path) -> None:
    """This will refuse a folder that holds something and was not made by a demo."""
    if data.exists() and _content(data) and not (data / MARK).exists():
        raise ValueError(f"{data} was not made by a demo and is left alone: choose another with --data.")


def begin_afresh(data: Path) -> None:
    """This will clear what an earlier demo left in a folder that the caller has claimed."""
    refuse_what_no_demo_made(data)
    for each in _content(data):
        shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    (data / MARK).write_text("`alongside demo` clears this folder when it begins.\n")


def _content(data: Path) -> list[Path]:
    return [each for each in data.iterdir() if each.name != claim.LOCK]


@asynccontextmanager
async def _system(plan: Plan, wanted: Wanted, provider: str, console: Console) -> AsyncIterator[Running]:
    if wanted.attach:
        yield Running(known(plan.data), Addresses.read(plan.data), Supervisor(plan.data))
        return
    async with AsyncExitStack() as stack:
        beside = await stack.enter_async_context(Supervisor(plan.data / "provider"))
        starting = asyncio.create_task(beside.start(_provider(plan, provider)))
        stack.callback(starting.cancel)
        with console.status("starting the broker and four services"):
            there = await stack.enter_async_context(running(plan))
            await starting
        console.print(display.addresses(there))
        yield there


def _provider(plan: Plan, address: str) -> Child:
    port = int(address.rsplit(":", 1)[1])
    folder = plan.data / "provider"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "deploy.world.provider", str(folder / "taken.jsonl"), "127.0.0.1", str(port)]
    return Child("provider", command, plan.data / "logs" / "provider.log", ready=f"{address}/ready", ports=(port,))


async def _play(playing: Play, console: Console) -> Summary:
    with Live(shown.progress(playing, None), console=console, refresh_per_second=4, transient=True) as live:

        async def show(_: Play) -> None:
            if playing.conductor.steps % LIVE_EVERY == 0:
                live.update(shown.progress(playing, await playing.summary()))

        return await playing.run(show)


async def _stay(there: Running, playing: Play, console: Console) -> None:
    # Not wrapped: a command is copied whole.
    console.print(shown.what_next(there), soft_wrap=True)
    ticking = asyncio.create_task(play.keep_time(playing.conductor))
    await there.supervisor.until_told_to_stop()
    # Whoever waits for a broker that was just away may miss being told once.
    while not ticking.done():
        ticking.cancel()
        await asyncio.wait([ticking], timeout=1)
    if not ticking.cancelled():
        ticking.result()
    console.print("Draining: what is under way is finished first.")


__all__ = ["PROGRAMME", "Wanted", "begin_afresh", "run"]
