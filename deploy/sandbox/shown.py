"""What `alongside partner check` and `alongside send` print."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deploy.sandbox.elements import Elements
from deploy.sandbox.files import Message
from deploy.sandbox.sending import Way
from deploy.sandbox.verdicts import BAD, WORDS, Outcome, Verdict, gravest

COLOURS: dict[Verdict, str] = {"refused": "red", "declined": "red", "danger": "bold red", "task": "yellow"}
MARGIN = (0, 0, 1, 2)


def checked(message: Message, outcome: Outcome, found: Elements) -> RenderableType:
    """This will show what would become of one message, why, and what in it counts."""
    table = _table()
    table.add_row("verdict", _verdicts(outcome.verdicts))
    table.add_row("reply", Text(_reply(outcome)))
    for each in outcome.reads:
        table.add_row("understood", Text("; ".join(each)))
    if outcome.asks:
        table.add_row("people asked", Text(", ".join(each.replace("_", " ") for each in outcome.asks)))
    rest = "" if found.whole else " (and more that was not looked at)"
    for name, some in (("counts", found.read), ("changes nothing", found.idle)):
        if some:
            table.add_row(name, Text(_grouped(some) + rest))
    return Group(_head(message), Padding(table, MARGIN))


def sent(message: Message, outcome: Outcome, way: Way) -> RenderableType:
    """This will show what became of a message that was sent by a way."""
    table = _table()
    table.add_row("verdict", _verdicts(outcome.verdicts))
    table.add_row("reply", Text(_reply(outcome)))
    return Group(_head(message, f"by {way}"), Padding(table, MARGIN))


def _table() -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    return table


def _head(message: Message, *more: str) -> Text:
    words = " ".join(filter(None, (message.dialect, message.kind, *more)))
    return Text.assemble((message.name, "bold"), f"  {words}")


def as_json(message: Message, outcome: Outcome, found: Elements | None = None) -> dict[str, Any]:
    """This will give the same for a machine."""
    told: dict[str, Any] = {
        "message": message.name,
        "dialect": message.dialect,
        "kind": message.kind,
        "verdict": outcome.gravest,
        "verdicts": list(outcome.verdicts) or ["refused"],
        "reply": {"status": outcome.reply.status, "words": list(outcome.reply.words)},
    }
    if found is None:
        return told
    understood = [list(each) for each in outcome.reads]
    more = {"counts": [*found.read], "changes_nothing": [*found.idle], "looked_at_all": found.whole}
    return {**told, "understood": understood, "people_asked": list(outcome.asks), **more}


def counted(outcomes: Sequence[Outcome]) -> str:
    """This will count verdicts in a line."""
    counts: Counter[Verdict] = Counter(each.gravest for each in outcomes)
    words = ", ".join(f"{counts[each]} {WORDS[each].partition(':')[0]}" for each in WORDS if counts[each])
    return f"{len(outcomes)} {'message' if len(outcomes) == 1 else 'messages'}: {words}."


def is_bad(outcomes: Sequence[Outcome]) -> bool:
    """This will say whether any message becomes no referral."""
    return any(each.gravest in BAD for each in outcomes)


def _verdicts(some: Sequence[Verdict]) -> Text:
    counts: Counter[Verdict] = Counter(some or ["refused"])
    words = ", ".join(f"{number} x {WORDS[each]}" if len(some) > 1 else WORDS[each] for each, number in counts.items())
    return Text(words, style=COLOURS.get(gravest(some), ""))


def _reply(outcome: Outcome) -> str:
    return "  ".join([outcome.reply.status, *outcome.reply.words])


def _grouped(paths: Iterable[str]) -> str:
    """This will write paths shortly: `Patient: name, telecom`."""
    split = [_parted(each) for each in paths]
    ordered = sorted(split, key=lambda each: [head for head, _ in split].index(each[0]))
    told = []
    for head, some in groupby(ordered, key=lambda each: each[0]):
        inside = ", ".join(tail for _, tail in some if tail)
        told.append(f"{head}: {inside}" if inside else head)
    return "; ".join(told)


def _parted(path: str) -> tuple[str, str]:
    mark = "." if "." in path.partition("(")[0] else "-"
    head, _, tail = path.partition(mark)
    return head, tail
