"""The command `alongside partner`: what would happen to a partner's messages, without any running system."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.premises import EMPTY_PROGRAMME, known
from shared.programme import Organisation, Programme

app = typer.Typer(no_args_is_help=True, help="For those who connect their systems: try messages before anything runs.")
console = Console()
NOBODY = "your-organisation"


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
        raise typer.BadParameter(f"choose one of {', '.join(sorted(programme.organisations))}.", param_hint="--org")
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
