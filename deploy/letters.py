"""The command `alongside letters`: letters that a service could not apply, listed, shown, mended, replayed in order."""

import asyncio
import json
import sys
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from deploy import asking
from shared import names
from shared.mailbox.mending import Act, Kept, Outcome

app = typer.Typer(
    no_args_is_help=True, help="Letters that a service could not apply: see them, mend them, replay them."
)
console = Console()

Data = Annotated[Path, typer.Option(file_okay=False, help="The folder of this deployment.")]
Letter = Annotated[UUID, typer.Argument(help="The letter's id, as `list` shows it.")]
By = Annotated[str, typer.Option(help="Your name: it is kept with the letter.")]
Reason = Annotated[str, typer.Option(help="Why: it is kept with the letter, sealed.")]
DATA = Path("data")


def _service(name: str | None) -> str | None:
    """This will refuse what is no service."""
    if name and name not in names.SERVICES:
        raise typer.BadParameter(f"name one of {', '.join(names.SERVICES)}.")
    return name


Service = Annotated[str | None, typer.Option(callback=_service, help="Only letters to this service.")]


@app.command("list")
def list_(
    data: Data = DATA,
    service: Service = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Show the first letter of each queue, what was given up first; exit 2 when a service is silent."""
    told, found = _queues(data, service)
    if as_json:
        shown = [{"service": name, **each.model_dump(mode="json")} for name, each in found]
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    else:
        console.print(_listed(found))
    for name, url in told.silent.items():
        typer.echo(f"{name} does not answer at {url}: its letters are not shown.", err=True)
    raise typer.Exit(2 if told.silent else 0)


@app.command()
def show(
    letter: Letter,
    data: Data = DATA,
    body: Annotated[bool, typer.Option("--body", help="Also what it says; needs --by and --reason.")] = False,
    by: By = "",
    reason: Reason = "",
) -> None:
    """Show a letter and what was done with it. What it says may be somebody's health data: who reads it is kept."""
    if body and not (by and reason):
        raise typer.BadParameter("say who you are and why: --by NAME --reason WORDS.")
    service, told = _found(data, letter)
    console.print(_shown(service, Kept(**told)))
    for act in (Act(**each) for each in told["acts"]):
        console.print(f"  {act.what} by {act.by}, {act.at:%a %d %b %H:%M} UTC: {act.reason}", markup=False)
    if body:
        opened = asyncio.run(asking.one(data, service, f"/letters/{letter}/open", {"by": by, "reason": reason}))
        sys.stdout.write(b64decode(opened["body"]).decode(errors="replace") + "\n")


@app.command()
def mend(
    letter: Letter,
    by: By,
    reason: Reason,
    data: Data = DATA,
    body: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with what it must say.")
    ] = None,
    pass_over: Annotated[bool, typer.Option("--pass-over", help="Count it as heard; nothing comes of it.")] = False,
    begin_here: Annotated[
        bool, typer.Option("--begin-here", help="Take it as the next, though an earlier one never came.")
    ] = False,
) -> None:
    """Put other words in a letter and try it at once, pass it over, or begin with it where one before it is lost."""
    ways = {"body": body is not None, "pass-over": pass_over, "begin-here": begin_here}
    chosen = [way for way, wanted in ways.items() if wanted]
    if len(chosen) != 1:
        raise typer.BadParameter("choose one of --body FILE, --pass-over, --begin-here.")
    words = b64encode(body.read_bytes()).decode() if body else ""
    service, _ = _found(data, letter)
    asked = {"by": by, "reason": reason, "how": chosen[0], "body": words}
    asyncio.run(asking.one(data, service, f"/letters/{letter}/mend", asked))
    console.print(f"Done; `alongside letters show {letter}` says what became of it.", soft_wrap=True)


@app.command()
def replay(
    letters: Annotated[
        list[UUID] | None, typer.Argument(help="Which; all that were given up, when none is named.")
    ] = None,
    data: Data = DATA,
    service: Service = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Rehearse each queue, and undo it.")] = False,
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Letters a second, at most.")] = 10,
) -> None:
    """Apply letters that were given up, each queue in order; exit 1 when one failed again."""
    if letters:
        chosen = [(_found(data, each)[0], each) for each in letters]
    else:
        chosen = [(name, each.letter_id) for name, each in _queues(data, service)[1] if each.state == "dead"]
    asked = Replaying(data, dry_run, pause=1 / rate)
    for name, letter in chosen:
        asked.queue(name, letter)
    would = "would be applied" if dry_run else "applied"
    console.print(f"{asked.applied:,} {would}, {asked.failed:,} {'would fail' if dry_run else 'failed'}.")
    raise typer.Exit(1 if asked.failed else 0)


class Replaying:
    """Replays queue after queue, no faster than asked, and counts."""

    def __init__(self, data: Path, dry_run: bool, *, pause: float) -> None:
        self.data, self.dry_run, self.pause = data, dry_run, pause
        self.applied = self.failed = 0

    def queue(self, service: str, letter: UUID) -> None:
        """This will replay the letters of a queue that were given up, from this one on, until one fails."""
        following: UUID | None = letter
        while following:
            letter, begun = following, time.monotonic()
            following = self._one(service, letter)
            time.sleep(max(0.0, begun + self.pause - time.monotonic()))

    def _one(self, service: str, letter: UUID) -> UUID | None:
        try:
            asked = asking.one(self.data, service, f"/letters/{letter}/replay", {"dry_run": self.dry_run})
            told = Outcome(**asyncio.run(asked))
        except asking.Refused as refused:
            told = Outcome(letters=0, error=str(refused))
        self.applied += told.letters
        if told.error:
            self.failed += 1
            console.print(f"{letter} to {service}: {told.error}", style="red", markup=False, soft_wrap=True)
        return told.next


def _queues(data: Path, service: str | None) -> tuple[asking.Told, list[tuple[str, Kept]]]:
    told = asyncio.run(asking.everybody(data, "/letters"))
    found = [(name, Kept(**each)) for name, some in told.answers.items() for each in some]
    mine = [each for each in found if service in (None, each[0])]
    return told, sorted(mine, key=lambda each: (each[1].state != "dead", each[1].put_aside_at))


def _found(data: Path, letter: UUID) -> tuple[str, dict[str, Any]]:
    told = asyncio.run(asking.everybody(data, f"/letters/{letter}"))
    if not told.answers:
        silent = f"; {', '.join(told.silent)} did not answer" if told.silent else ""
        raise asking.Refused(f"No service has put a letter {letter} aside: `alongside letters list` shows them{silent}")
    return next(iter(told.answers.items()))


def _listed(found: list[tuple[str, Kept]]) -> RenderableType:
    if not found:
        return Text("No letter is put aside.")
    count = "1 queue waits" if len(found) == 1 else f"{len(found):,} queues wait"
    return Group(Text(f"{count}; this is the first letter of each\n", "bold"), *(_shown(*each) for each in found))


def _shown(service: str, each: Kept) -> Text:
    """This will show one letter; its ids stand on lines of their own, to be copied whole."""
    behind = f"; {each.behind:,} more wait behind it" if each.behind else ""
    tries = "1 try" if each.attempts == 1 else f"{each.attempts} tries"
    why = f"waits for version {each.waits_for} of the same" if each.waits_for else f"{each.error or 'waits'}, {tries}"
    return Text.assemble(
        (f"{each.state}  {each.type} to {service}, from {each.source}", "bold red" if each.state == "dead" else "bold"),
        f"\n  {why}, since {each.put_aside_at:%a %d %b %H:%M} UTC{behind}\n",
        f"  about   {each.key}, version {each.version}\n",
        (f"  letter  {each.letter_id}", "dim"),
    )
