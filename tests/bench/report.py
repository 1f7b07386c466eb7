"""What a measurement leaves: one table on the terminal, everything as JSON, the table as Markdown, and a plot."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.bench.figures import Line, number

COLOURS = {"Alongside": "#2a6f6b", "raw floor": "#b0b7b3", "DBOS": "#c08552", "Celery": "#8a5a83"}


def table(lines: Sequence[Line]) -> Table:
    """The one table."""
    found = Table(show_edge=False, pad_edge=False)
    for name in ("what", "median (spread)", "", "CPU ms each", ""):
        found.add_column(name, justify="right" if name in ("median (spread)", "CPU ms each") else "left")
    part = ""
    for each in lines:
        if part and each.part != part:
            found.add_section()
        part = each.part
        found.add_row(*_cells(each))
    return found


def _cells(line: Line) -> tuple[str, str, str, str, str]:
    return line.what, line.value.told(), line.unit, number(line.cpu_ms.middle) if line.cpu_ms else "", line.against


def markdown(lines: Sequence[Line], note: Mapping[str, Any]) -> str:
    """The same table for a document, with where it was measured."""
    rows = [
        "| what | median (spread) | CPU ms each | |",
        "|---|---:|---:|---|",
        *(f"| {what} | {value} {unit} | {cpu} | {against} |" for what, value, unit, cpu, against in map(_cells, lines)),
    ]
    rounds = max((len(each.value.values) for each in lines), default=0)
    postgres = str(note.get("postgresql", {}).get("server_version", "")).partition(" ")[0]
    where = (
        f"Measured at {note['commit']} on {note['cores']} cores ({note['processor'] or 'unknown'}), Linux "
        f"{note['kernel']}, Python {note['python']}, nats-server {note['nats_server']} (`sync_interval: always`), "
        f"SQLite (WAL, `synchronous = FULL`), PostgreSQL {postgres} (`fsync` and `synchronous_commit` on), Redis "
        f"(`appendfsync always`); keeping 4 KiB on disk takes {note['fsync_ms']} ms there. Rounds: {rounds}, medians, "
        f"everybody in turn, in one run: `{note['command']}`."
    )
    return "\n".join([*rows, "", where, ""])


def write(folder: Path, lines: Sequence[Line], note: Mapping[str, Any], more: Mapping[str, Any]) -> list[Path]:
    """Leave everything in a folder, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"note": note, "lines": [each.plain() for each in lines], **more}
    paths = [folder / "bench.json", folder / "bench.md"]
    paths[0].write_text(json.dumps(plain, indent=2, default=str) + "\n")
    paths[1].write_text(markdown(lines, note))
    return [*paths, *plot(folder, lines)]


def plot(folder: Path, lines: Sequence[Line]) -> list[Path]:
    """Draw what each carries a second, and what a referral costs as stores grow; nothing without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return []
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rates = [each for each in lines if each.part == "carry"]
    growth = [each for each in lines if each.part == "growth"]
    drawn = [draw for draw, there in ((_rates, rates), (_growth, growth)) if there]
    if not drawn:
        return []
    figure, axes = pyplot.subplots(1, len(drawn), figsize=(6.5 * len(drawn), 3.6), squeeze=False, layout="constrained")
    for draw, axis in zip(drawn, axes[0], strict=True):
        draw(axis, rates if draw is _rates else growth)
    paths = [folder / "bench.svg", folder / "bench.png"]
    for each in paths:
        figure.savefig(each, dpi=110)
    pyplot.close(figure)
    return paths


def _rates(axis: Any, lines: Sequence[Line]) -> None:
    ordered = list(reversed(lines))
    values = [each.value.middle for each in ordered]
    spread = [
        [value - min(each.value.values) for value, each in zip(values, ordered, strict=True)],
        [max(each.value.values) - value for value, each in zip(values, ordered, strict=True)],
    ]
    colours = [next((c for word, c in COLOURS.items() if each.what.startswith(word)), "#555555") for each in ordered]
    bars = axis.barh([each.what for each in ordered], values, xerr=spread, color=colours, ecolor="#444444", capsize=3)
    axis.bar_label(bars, [number(each) for each in values], padding=6)
    axis.set_xlabel("referrals a second, from the post to every reminder, kept on disk")
    axis.margins(x=0.15)
    axis.spines[["top", "right"]].set_visible(False)


def _growth(axis: Any, lines: Sequence[Line]) -> None:
    for kind in ("sqlite", "postgresql"):
        some = [each for each in lines if each.what.endswith(kind)]
        if not some:
            continue
        sizes = [int(each.what.split(" with ")[1].split(" ")[0].replace(",", "")) for each in some]
        axis.plot(sizes, [each.cpu_ms.middle for each in some if each.cpu_ms], marker="o", label=kind)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("referrals in the stores")
    axis.set_ylabel("CPU ms a referral")
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
