"""What the command shows in a terminal."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy import ports

if TYPE_CHECKING:
    from deploy.check.findings import Finding
    from deploy.up import Running
    from shared.work import Task

SHOWN = 5
"""For how many of those for whom a promise is broken a terminal has room."""


def addresses(there: "Running") -> Table:
    """This will show where everything listens."""
    table = Table(title="Alongside", title_justify="left", box=None, pad_edge=False, show_header=False)
    for name, url in there.addresses.services.items():
        table.add_row(name, url, "/docs  /asyncapi")
    for name, port in there.addresses.mllp.items():
        table.add_row("mllp", f"{ports.LOOPBACK}:{port}", f"HL7 v2 of {name}")
    data = os.path.relpath(there.premises.data)
    table.add_row("nats", there.addresses.nats, f"keys in {data}/nats/keys")
    table.add_row("data", data, "logs, stores, API keys in keys/api")
    return table


def findings(found: Sequence["Finding"]) -> RenderableType:
    """This will show each promise, and whom it is broken for."""
    table = Table(title="Promises", title_justify="left", box=None, pad_edge=False)
    for column, side in (("", "left"), ("promise", "left"), ("looked at", "right"), ("broken", "right")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for each in found:
        table.add_row(each.promise, each.words, f"{each.looked_at:,}", _broken(each))
    reasons = [Text(why, "yellow") for why in sorted({each.unseen for each in found if each.unseen})]
    return Group(table, *map(_for_whom, found), Text(f"\n{_verdict(found)}", "bold"), *reasons)


def _verdict(found: Sequence["Finding"]) -> str:
    if any(each.broken for each in found):
        return "Not everything is as promised."
    unseen = sum(bool(each.unseen) for each in found)
    if unseen:
        return f"{unseen} {'promise' if unseen == 1 else 'promises'} could not be looked at."
    return "Everything is as promised."


def _broken(each: "Finding") -> Text:
    if each.unseen:
        return Text("not seen", "yellow")
    return Text(f"{len(each.broken):,}", "red") if each.broken else Text("none")


def _for_whom(each: "Finding") -> RenderableType:
    if not each.broken:
        return Group()
    more = [f"and {len(each.broken) - SHOWN:,} more: --json lists all"] if len(each.broken) > SHOWN else []
    return Text("\n  ".join([f"\nBroken: {each.words}", *each.broken[:SHOWN], *more]), "red")


def tasks(waiting: Sequence[tuple[str, "Task"]], services: Mapping[str, str]) -> RenderableType:
    """This will show what waits for a person, and at which service's address it is done."""
    if not waiting:
        return Text("No task waits for a person.")
    count = "1 task waits" if len(waiting) == 1 else f"{len(waiting):,} tasks wait"
    listed = [_task(service, each) for service, each in waiting]
    whose = {service: services[service] for service, _ in waiting}
    return Group(Text(f"{count} for a person\n", "bold"), *listed, _how_done(whose))


def _how_done(services: Mapping[str, str]) -> Text:
    told = [f"  {service}: {url}" for service, url in sorted(services.items())]
    done = 'What nothing else closes: POST /work/{task}/done with {"by": "your name"} to'
    return Text("\n".join(["", done, *told]))


def _task(service: str, task: "Task") -> Text:
    """This will show one task; its ids stand on lines of their own, to be copied whole."""
    return Text.assemble(
        (task.kind.replace("_", " "), "bold"),
        f", for {task.owner} ({service}), due {task.due:%a %d %b %Y %H:%M} UTC\n  about {task.about}\n",
        (f"  task  {task.task_id}", "dim"),
    )
