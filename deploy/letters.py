"""The command `alongside letters`: letters that a service could not apply, listed, shown, mended, replayed in order."""

import asyncio
import json
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import typer
from rich.console import Console, Group, RenderableType
from rich.text import Text

from deploy import asking
from deploy.premises import Addresses
from deploy.supervisor import StartError
from shared import names
from shared.mailbox.seen import Kept, Listed, Outcome, Shown

app = typer.Typer(
    no_args_is_help=True, help="Letters that a service could not apply: see them, mend them, replay them."
)
console = Console()

Data = Annotated[Path, typer.Option(file_okay=False, help="The folder of this deployment.")]
Letter = Annotated[UUID, typer.Argument(help="The letter's id, as `list` shows it.")]
By = Annotated[str, typer.Option(help="Your name: it is kept with the letter.")]
Reason = Annotated[str, typer.Option(help="Why: it is kept with the letter, sealed.")]
DATA = Path("data")
GIVEN_UP = "/letters?dead=true"


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
    told = asyncio.run(asking.everybody(data, "/letters", only=service))
    listed = {name: Listed(**each) for name, each in told.answers.items()}
    found = sorted(((name, each) for name, some in listed.items() for each in some.letters), key=_most_pressing)
    queues = sum(each.queues for each in listed.values())
    if as_json:
        shown = [{"service": name, **each.model_dump(mode="json")} for name, each in found]
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    else:
        console.print(_listed(found, queues))
    if queues > len(found):
        typer.echo(f"{queues - len(found):,} more queues wait, and are not shown.", err=True)
    raise typer.Exit(2 if _name_the_silent(told) else 0)


@app.command()
def show(
    letter: Letter,
    data: Data = DATA,
    body: Annotated[bool, typer.Option("--body", help="Also what it says; needs --by and --reason.")] = False,
    by: By = "",
    reason: Reason = "",
    service: Service = None,
) -> None:
    """Show a letter and what was done with it. What it says may be somebody's health data: who reads it is kept."""
    if body:
        _refuse_unsigned(by, reason)
    found = _found(data, letter, service)
    for name, told in found.items():
        console.print(_shown(name, told.letter) if told.letter else _gone(name, letter, told))
        for act in told.acts:
            console.print(f"  {act.what} by {act.by}, {act.at:%a %d %b %H:%M} UTC: {act.reason}", markup=False)
    if body:
        asked = {"by": by, "reason": reason}
        opened = asyncio.run(asking.one(data, _holder(found, letter), f"/letters/{letter}/open", asked))
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
    service: Service = None,
) -> None:
    """Put other words in a letter and try it at once, pass it over, or begin with it where one before it is lost."""
    ways = {"body": body is not None, "pass-over": pass_over, "begin-here": begin_here}
    chosen = [way for way, wanted in ways.items() if wanted]
    if len(chosen) != 1:
        raise typer.BadParameter("choose one of --body FILE, --pass-over, --begin-here.")
    words = b64encode(body.read_bytes()).decode() if body else ""
    asked = {"by": by, "reason": reason, "how": chosen[0], "body": words}
    holder = _holder(_found(data, letter, service), letter)
    asyncio.run(asking.one(data, holder, f"/letters/{letter}/mend", asked))
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
    by: By = "",
    reason: Reason = "",
) -> None:
    """Apply letters that were given up, each queue in order, signed by whoever asks; exit 1 when one failed again."""
    if not dry_run:
        _refuse_unsigned(by, reason)
    signed = {} if dry_run else {"by": by, "reason": reason}
    asked = Replaying(data, {"dry_run": dry_run, **signed}, pause=1 / rate)
    told = asking.Told({}, {}) if letters else asyncio.run(asking.everybody(data, GIVEN_UP, only=service))
    # All are found before any is applied: a replay takes what follows in its queue with it.
    named = list(asked.held(letters or (), service))
    for name, letter in chain(named, _given_up(data, told)):
        asked.queue(name, letter)
    would = "would be applied" if dry_run else "applied"
    console.print(f"{asked.applied:,} {would}, {asked.failed:,} {'would fail' if dry_run else 'failed'}.")
    if not letters and not asked.applied + asked.failed:
        console.print("Nothing was given up. What is still tried by itself is tried now when its id is named.")
    missing = _name_the_silent(told)
    raise typer.Exit(1 if asked.failed else 2 if missing else 0)


class Replaying:
    """Replays queue after queue, no faster than asked and no letter twice, and counts."""

    def __init__(self, data: Path, asked: dict[str, Any], *, pause: float) -> None:
        self.data, self.asked, self.pause = data, asked, pause
        self.applied = self.failed = 0
        self._tried: set[tuple[str, UUID]] = set()

    def held(self, letters: Iterable[UUID], service: str | None) -> Iterator[tuple[str, UUID]]:
        """This will find who holds each letter; one that is not found counts as failed."""
        for each in letters:
            try:
                holder = _holder(_found(self.data, each, service), each)
            except (asking.Refused, StartError) as refused:
                self._failed(str(each), str(refused))
            else:
                yield holder, each

    def queue(self, service: str, letter: UUID) -> None:
        """This will replay the letters of a queue that were given up, from this one on, until one fails."""
        following: UUID | None = letter
        while following and (service, following) not in self._tried:
            self._tried.add((service, following))
            letter, begun = following, time.monotonic()
            following = self._one(service, letter)
            time.sleep(max(0.0, begun + self.pause - time.monotonic()))

    def _one(self, service: str, letter: UUID) -> UUID | None:
        try:
            asked = asking.one(self.data, service, f"/letters/{letter}/replay", self.asked)
            told = Outcome(**asyncio.run(asked))
        except asking.Refused as refused:
            told = Outcome(letters=0, error=str(refused))
        except (aiohttp.ClientError, TimeoutError):
            told = Outcome(letters=0, error=f"{service} does not answer at {_place(self.data, service)}")
        self.applied += told.letters
        if told.error:
            self._failed(f"{letter} to {service}", told.error)
        return told.next

    def _failed(self, which: str, why: str) -> None:
        self.failed += 1
        console.print(f"{which}: {why}", style="red", markup=False, soft_wrap=True)


def _place(data: Path, service: str) -> str:
    return Addresses.read(data).services[service]


def _refuse_unsigned(by: str, reason: str) -> None:
    if not (by and reason):
        raise typer.BadParameter("say who you are and why: --by NAME --reason WORDS.")


def _name_the_silent(told: asking.Told) -> bool:
    """This will name, beside what is shown, whoever did not answer, and say whether there was anybody."""
    for name, place in told.silent.items():
        typer.echo(f"{name} does not answer at {place}: its letters are left out.", err=True)
    return bool(told.silent)


def _most_pressing(each: tuple[str, Kept]) -> tuple[bool, datetime]:
    return each[1].state != "dead", each[1].put_aside_at


def _given_up(data: Path, told: asking.Told) -> Iterator[tuple[str, UUID]]:
    """This will name the first letter of each queue that was given up, asking for more until there is none."""
    for name, first in told.answers.items():
        listed = Listed(**first)
        while listed.letters:
            yield from ((name, each.letter_id) for each in listed.letters)
            last = listed.letters[-1]
            beyond = urlencode({"since": last.put_aside_at.isoformat(), "after": last.letter_id})
            try:
                again = asyncio.run(asking.everybody(data, f"{GIVEN_UP}&{beyond}", only=name))
            except (asking.Refused, StartError):
                told.silent[name] = _place(data, name)
                break
            listed = Listed(**again.answers[name])


def _found(data: Path, letter: UUID, service: str | None) -> dict[str, Shown]:
    """This will find who knows a letter: the same fact may be put aside by several who heard it."""
    told = asyncio.run(asking.everybody(data, f"/letters/{letter}", only=service))
    if not told.answers:
        silent = f"; {', '.join(told.silent)} did not answer" if told.silent else ""
        raise asking.Refused(f"No service has put a letter {letter} aside: `alongside letters list` shows them{silent}")
    return {name: Shown(**each) for name, each in told.answers.items()}


def _holder(found: dict[str, Shown], letter: UUID) -> str:
    """This will name the one service that has a letter put aside now."""
    holders = [name for name, each in found.items() if each.letter]
    if len(holders) > 1:
        raise asking.Refused(f"{' and '.join(holders)} have put {letter} aside: name one with --service")
    if not holders:
        raise asking.Refused(f"{letter} is put aside no longer: `alongside letters show {letter}` says what was done")
    return holders[0]


def _listed(found: list[tuple[str, Kept]], queues: int) -> RenderableType:
    if not found:
        return Text("No letter is put aside.")
    count = "1 queue waits" if queues == 1 else f"{queues:,} queues wait"
    those = "each" if queues == len(found) else f"{len(found):,} of them"
    return Group(Text(f"{count}; this is the first letter of {those}\n", "bold"), *(_shown(*each) for each in found))


def _gone(service: str, letter: UUID, told: Shown) -> Text:
    became = "passed over" if any(each.what == "passed over" for each in told.acts) else "applied"
    return Text(f"{letter} to {service} is put aside no longer: it was {became}", "bold")


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
