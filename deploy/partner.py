"""The command `alongside partner`: what would happen to a partner's messages, without any running system."""

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from deploy.ports import LOOPBACK
from deploy.premises import EMPTY_PROGRAMME, Addresses, known
from shared import clock
from shared.programme import Organisation, Programme, hash_key

if TYPE_CHECKING:
    from deploy.sandbox.sending import Doors

app = typer.Typer(no_args_is_help=True, help="For those who connect their systems: try messages before anything runs.")
sending = typer.Typer()
console = Console()
NOBODY = "your-organisation"
DATA = Path("data")
WAYS = ("http", "mllp", "nats")


def _one_of(some: Iterable[str]) -> str:
    return f"choose one of {', '.join(sorted(some))}."


def _way(by: str) -> str:
    """This will refuse what is no way in."""
    if by and by not in WAYS:
        raise typer.BadParameter(_one_of(WAYS))
    return by


@app.callback()
def partner() -> None:
    """For those who connect their systems: try messages before anything runs."""


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files or folders: FHIR JSON, ndjson, HL7 v2, our own JSON.")],
    data: Annotated[Path | None, typer.Option(file_okay=False, help="Check by the programme of this folder.")] = None,
    org: Annotated[str, typer.Option(help="With --data: whose messages they are.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,
) -> None:
    """Say what would become of each message, and why; exit 1 when one would be no referral. Nothing is sent or kept."""
    programme, organisation = _whose(data, org)
    raise typer.Exit(asyncio.run(_check(files, programme, organisation, as_json=as_json)))


def _whose(data: Path | None, org: str) -> tuple[Programme, str]:
    """This will give the programme that messages are checked by, and who would send them."""
    if data is None:
        if org:
            raise typer.BadParameter("give --data too: the folder whose programme has it.", param_hint="--org")
        nobody = Organisation(organisation_id=NOBODY, name="Your organisation", kind="hospital")
        return EMPTY_PROGRAMME.model_copy(update={"organisations": {NOBODY: nobody}}), NOBODY
    programme = known(data).programme
    if org not in programme.organisations:
        raise typer.BadParameter(_one_of(programme.organisations), param_hint="--org")
    return programme, org


async def _check(files: list[Path], programme: Programme, organisation: str, *, as_json: bool) -> int:
    # Here, for the other commands need none of the service's code, which takes a second to load.
    from deploy.sandbox import rehearsal, shown
    from deploy.sandbox.elements import elements
    from deploy.sandbox.files import messages

    found, outcomes, told = messages(files), [], []
    async with rehearsal.rehearsing(programme, organisation) as there:
        for each in found:
            outcomes.append(outcome := await there.take(each))
            counts = elements(each)
            if as_json:
                told.append(shown.as_json(each, outcome, counts))
            else:
                console.print(shown.checked(each, outcome, counts))
    if as_json:
        sys.stdout.write(json.dumps({"messages": told, "in_short": shown.counted(outcomes)}, indent=2) + "\n")
    else:
        console.print(shown.counted(outcomes))
    return 1 if shown.is_bad(outcomes) else 0


@sending.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="A folder, or files: FHIR JSON, ndjson, HL7 v2, our own JSON.")],
    org: Annotated[str, typer.Option(help="Whose messages they are.")],
    data: Annotated[Path, typer.Option(file_okay=False, help="The deployment's folder: addresses and keys.")] = DATA,
    url: Annotated[str, typer.Option(help="Where HTTP is taken in; with --key it needs no --data.")] = "",
    key: Annotated[str, typer.Option(envvar="ALONGSIDE_KEY", help="The organisation's API key.")] = "",
    mllp: Annotated[str, typer.Option(help="Where its HL7 v2 is taken in: host:port.")] = "",
    by: Annotated[str, typer.Option(callback=_way, help="Only by this way: http, mllp or nats.")] = "",
    real: Annotated[
        bool, typer.Option("--real", help="Send also what people are helped, written to and paged for.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,
) -> None:
    """Post every message of a folder to what runs, and say what became of each; exit 1 when one is no referral."""
    line = _place(mllp) if mllp else None
    doors = _doors(org, data, url.rstrip("/"), key, line)
    raise typer.Exit(asyncio.run(_send(files, doors, by, by_hand=bool(line), real=real, as_json=as_json)))


def _doors(org: str, data: Path, url: str, key: str, line: tuple[str, int] | None) -> "Doors":
    """This will find where an organisation comes in; ValueError where the key is another's."""
    from deploy.sandbox.sending import Doors

    if url and key:
        return Doors(org, url, key, line)
    there, addresses = known(data), Addresses.read(data)
    if org not in there.programme.organisations:
        raise typer.BadParameter(_one_of(there.programme.organisations), param_hint="--org")
    if key and not there.programme.organisations[org].knows(hash_key(key), at=clock.real()):
        raise ValueError(f"the key is not one of {org}: give its own, or leave out --key and ALONGSIDE_KEY.")
    port, seed = addresses.mllp.get(org), there.broker.seeds[org]
    return Doors(
        org,
        url or addresses.services["referrals"],
        key or there.api_key(org),
        line or ((LOOPBACK, port) if port else None),
        addresses.nats,
        str(seed) if seed.exists() else "",
        there.programme,
    )


async def _send(files: list[Path], doors: "Doors", by: str, *, by_hand: bool, real: bool, as_json: bool) -> int:
    from deploy.sandbox import earnest, shown
    from deploy.sandbox import sending as way
    from deploy.sandbox.files import messages

    only: way.Way | None = by or None  # type: ignore[assignment]
    found, results = messages(files), []
    # Before anything is sent: half a folder is of no use.
    ways = [doors.way(each, only) for each in found]
    if warning := await earnest.insist(doors, by_hand=by_hand and "mllp" in ways, real=real):
        typer.echo(warning, err=True)
    try:
        async with way.at(doors) as sender:
            for each, door in zip(found, ways, strict=True):
                results.append((each, door, await sender.send(each, only)))
    finally:
        outcomes = [outcome for *_, outcome in results]
        if as_json:
            told = [{**shown.as_json(each, outcome), "by": door} for each, door, outcome in results]
            sys.stdout.write(json.dumps({"messages": told, "in_short": shown.counted(outcomes)}, indent=2) + "\n")
        else:
            for each, door, outcome in results:
                console.print(shown.sent(each, outcome, door))
            console.print(shown.counted(outcomes))
    return 1 if shown.is_bad(outcomes) else 0


def _place(written: str) -> tuple[str, int]:
    host, _, port = written.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise typer.BadParameter("give it as host:port.", param_hint="--mllp")
    return host, int(port)
