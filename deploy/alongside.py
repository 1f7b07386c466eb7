"""The command `alongside`: run everything, show it at work, check it, see who waits."""

import asyncio
import json
import logging
import re
import sys
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import typer
import uvloop
from rich.console import Console

from deploy import asking, display, letters, organisations, partner
from deploy.claim import FolderInUse, claimed
from deploy.desk import NotYet
from deploy.nats.server import ServerError
from deploy.nats.topology import TopologyError
from deploy.premises import INBOUND, MARK, Addresses, database_urls, equip, known, service_urls
from deploy.supervisor import StartError
from deploy.up import Plan, keep_declared, open_bus, running
from shared.names import PARTITIONS

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
console = Console()

HIGHEST_PORT = 65535
KNOWN = (FolderInUse, NotYet, StartError, ServerError, TopologyError, OSError, ValueError, aiohttp.ClientError)
"""What is told in one line."""


def _is_nats(url: str | None) -> str | None:
    """This will refuse what is no address of a broker."""
    try:
        found = urlsplit(url or "nats://nobody")
        if found.scheme in ("nats", "tls", "ws", "wss") and found.hostname and found.port != 0:
            return url
    except ValueError:
        # Not a port, or not an IPv6 address.
        pass
    raise typer.BadParameter("give a URL like nats://broker.example.org:4222.")


def _is_database(url: str | None) -> str | None:
    """This will refuse what does not name a database for each service."""
    if url and not re.fullmatch(r"(postgresql|sqlite)://\S*\{service\}\S*", url):
        raise typer.BadParameter("give a URL like postgresql://me@host/alongside_{service}, with {service} in it.")
    return url


Data = Annotated[
    Path, typer.Option(file_okay=False, help="The folder of this deployment: programme, keys, stores, logs.")
]
PortBase = Annotated[
    int,
    typer.Option(
        min=1024, max=HIGHEST_PORT - 5, help="HTTP: referrals +1, matching +2, scheduling +3, notifications +4."
    ),
]
Nats = Annotated[
    str | None,
    typer.Option(callback=_is_nats, help="A NATS that runs elsewhere, with the configuration in DATA/nats."),
]
Database = Annotated[
    str | None, typer.Option(callback=_is_database, help="For example postgresql://me@host/alongside_{service}.")
]
DATA = Path("data")
app.add_typer(letters.app, name="letters")
app.add_typer(organisations.app, name="org")
app.add_typer(partner.app, name="partner")
app.add_typer(partner.sending)


@app.command()
def up(data: Data = DATA, port_base: PortBase = 8000, nats: Nats = None, database: Database = None) -> None:
    """Run the broker and the four services, supervised, until Ctrl-C."""
    uvloop.run(_up(Plan(data, port_base, nats, database)))


async def _up(plan: Plan) -> None:
    async with AsyncExitStack() as stack:
        stack.enter_context(claimed(plan.data))
        with console.status("starting"):
            there = await stack.enter_async_context(running(plan))
        console.print(display.addresses(there))
        if (plan.data / MARK).exists():
            console.print("A demo was played here, in its own time; from now on the clock is real.", style="yellow")
        console.print("Ready. Ctrl-C drains and ends everything.")
        await there.supervisor.until_told_to_stop()
        console.print("Draining: what is under way is finished first.")
    console.print("All has ended.")


@app.command()
def demo(
    people: Annotated[int, typer.Option(min=1, max=20_000, help="How many people are referred.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed posts the same world.")] = 7,
    exit: Annotated[bool, typer.Option("--exit", help="End when the play is over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,
    attach: Annotated[bool, typer.Option("--attach", help="Play on a system that runs already.")] = False,
    provider: Annotated[str | None, typer.Option(help="With --attach: where its message provider answers.")] = None,
    secret: Annotated[str | None, typer.Option(help="With --attach: what the provider shows.", envvar=INBOUND)] = None,
    data: Data = Path("data/demo"),
    port_base: PortBase = 8000,
    database: Database = None,
) -> None:
    """Run everything, and twelve weeks of a small world on top of it."""
    # Here and below, what a single command needs: all of it takes a second to load.
    from deploy import demo as demonstration

    wanted = demonstration.Wanted(
        people, seed, stay=not (exit or as_json), attach=attach, provider=provider, secret=secret
    )
    plan = Plan(data, port_base, database=database, clock="stepped")
    shown = Console(quiet=True) if as_json else console
    summary = uvloop.run(demonstration.run(plan, wanted, shown))
    if as_json:
        sys.stdout.write(summary.model_dump_json(indent=2) + "\n")


@app.command()
def prepare(
    data: Data = DATA,
    nats_host: Annotated[str, typer.Option(help="Where the broker is to listen.")] = "0.0.0.0",  # noqa: S104
    nats_port: Annotated[int, typer.Option(min=1, max=HIGHEST_PORT, help="On which port.")] = 4222,
    nats_store: Annotated[Path | None, typer.Option(help="Where the broker keeps its streams.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Use the demo's programme when there is none yet.")] = False,
    services: Annotated[str | None, typer.Option(help="Where services answer: http://{service}:{port}")] = None,
    shares: Annotated[int | None, typer.Option(min=1, max=PARTITIONS, help="Processes that work each store.")] = None,
    nats: Nats = None,
    database: Database = None,
) -> None:
    """Write what a deployment needs and has not got: programme, keys, the broker's configuration, and the addresses."""
    from deploy.world.places import PROGRAMME

    programme = PROGRAMME if demo else None
    with claimed(data):
        premises = equip(
            data, programme=programme, nats_host=nats_host, nats_port=nats_port, store=nats_store, shares=shares
        )
        if services:
            url = nats or f"nats://127.0.0.1:{nats_port}"
            Addresses(service_urls(services), url, database_urls(data, database)).write(data)
    console.print(f"{premises.data} is complete; the broker's configuration is {premises.broker.path}", soft_wrap=True)


@app.command()
def topology(
    data: Data = DATA,
    nats: Nats = None,
    begins: Annotated[datetime | None, typer.Option(help="Where services step their clock: the first time.")] = None,
    within: Annotated[float, typer.Option(min=0, help="How many seconds the broker may take to answer.")] = 30,
    keep: Annotated[bool, typer.Option("--keep", help="Go on looking, and make again what a broker lost.")] = False,
) -> None:
    """Make the streams and consumers that a broker has not got, and verify them."""
    url = nats or Addresses.read(data).nats
    first = begins.replace(tzinfo=begins.tzinfo or UTC) if begins else None
    asyncio.run(open_bus(url, known(data), begins=first, within=within))
    console.print("All streams and consumers are there, as they should be.")
    if keep:
        with suppress(KeyboardInterrupt):
            asyncio.run(keep_declared(url, known(data)))


@app.command()
def check(
    data: Data = DATA,
    messages: Annotated[Path | None, typer.Option(help="A provider's own log, to hold ours against.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,
) -> None:
    """Say which promise is broken for whom; exit 1 when one is, 2 when one could not be looked at."""
    from deploy.check import findings

    found = asyncio.run(findings.of(data, messages))
    if as_json:
        sys.stdout.write(json.dumps([vars(each) for each in found], indent=2) + "\n")
    else:
        console.print(display.findings(found))
    raise typer.Exit(1 if any(each.broken for each in found) else 2 if any(each.unseen for each in found) else 0)


@app.command()
def work(data: Data = DATA) -> None:
    """Show the tasks that wait for a person, in all services, the most pressing first; exit 2 when one is silent."""
    from shared.work import ON_CALL, Task

    told = asyncio.run(asking.everybody(data, "/work"))
    tasks = [(service, Task(**each)) for service, some in told.answers.items() for each in some]
    pressing = sorted(tasks, key=lambda each: (each[1].owner != ON_CALL, each[1].due))
    console.print(display.tasks(pressing, Addresses.read(data).services))
    for service, url in told.silent.items():
        console.print(f"{service} does not answer at {url}: its tasks are not shown.", style="red")
    raise typer.Exit(2 if told.silent else 0)


def main() -> None:
    """This will run the command, and end with one clear line when it cannot."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("nats").setLevel(logging.CRITICAL)
    try:
        app()
    except KNOWN as wrong:
        sys.stderr.write(f"alongside: {wrong}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
