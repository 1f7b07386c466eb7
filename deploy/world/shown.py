"""What the demo shows in a terminal."""

import os
import sys
from pathlib import Path

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.up import Running
from deploy.world import people
from deploy.world.play import Play
from deploy.world.tally import Summary


def progress(play: Play, so_far: Summary | None) -> RenderableType:
    """This will show how far the play has come."""
    whole = (play.end - people.BEGIN).total_seconds()
    done = max((play.conductor.now - people.BEGIN).total_seconds(), 0)
    bar = Table.grid()
    bar.add_row(ProgressBar(total=whole, completed=done, width=40))
    day = Text(f"{play.conductor.now:%a %d %b %Y}, week {int(done // 604800) + 1} of 12")
    if so_far is None:
        return Group(day, bar)
    line = Text(
        f"{so_far.referrals_posted} referrals, {so_far.matches_made} matched, {so_far.waiting_now} waiting, "
        f"{so_far.sessions_held} visits held, {so_far.messages_sent} messages, {so_far.units_covered} units covered"
    )
    return Group(day, bar, line)


def summary(told: Summary, play: Play) -> RenderableType:
    """This will show what came of everybody, in a manager's words."""
    table = Table(title="Twelve weeks", title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column("what", style="bold")
    table.add_column("how many", justify="right")
    table.add_column("of which")
    rows = [
        ("Referrals posted", told.referrals_posted, f"by HTTP, MLLP and the bus; {told.duplicates:,} came twice"),
        ("  taken at once", told.accepted, ""),
        ("  held for a person first", told.crisis_review + told.needs_screen + told.needs_info, _held(told)),
        ("  refused", told.refused, "each told where it was wrong and what to do"),
        (
            "Offers to supporters",
            told.offers_made,
            f"{told.offers_declined:,} declined, {told.offers_expired:,} unanswered",
        ),
        (
            "Matches",
            told.matches_made,
            f"{told.offers_open:,} with an offer open, {told.waiting_now:,} waiting; {told.waitlisted:,} had waited",
        ),
        ("Visits booked", told.sessions_booked, f"{told.sessions_ahead:,} still ahead"),
        ("  held", told.sessions_held, f"{told.sessions_missed:,} missed, {told.sessions_cancelled:,} cancelled"),
        ("Reminders planned", told.reminders_planned, f"{told.reminders_ahead:,} still ahead"),
        (
            "  sent",
            told.reminders_sent,
            f"{told.reminders_skipped:,} no longer wanted, {told.reminders_failed:,} failed",
        ),
        ("Messages sent", told.messages_sent, f"{told.replies:,} replies came back"),
        (
            "Units delivered",
            told.units_delivered,
            f"{told.units_covered:,} covered; insurers see {told.insurers_see_units:,}",
        ),
        ("Letters nobody could apply", told.dead_letters, ""),
    ]
    for what, count, rest in rows:
        table.add_row(what, f"{count:,}", rest)
    return Group("", table, Text(f"{told.seconds:.0f} seconds, {play.conductor.steps} steps of the clock", style="dim"))


def _held(told: Summary) -> str:
    parts = [
        (told.crisis_review, "possible danger"),
        (told.needs_screen, "no risk answer"),
        (told.needs_info, "incomplete"),
    ]
    return ", ".join(f"{count} {words}" for count, words in parts if count)


def _called() -> str:
    """This will give the command as it can be typed in another terminal."""
    how = Path(sys.argv[0])
    return os.path.relpath(how) if how.name == "alongside" and how.parent != Path() else "alongside"


def what_next(there: Running) -> RenderableType:
    """This will say what may be tried on the live system."""
    data = os.path.relpath(there.premises.data)
    return Text(
        "\nThe system is live, its clock runs on from here. Try, in another terminal:\n"
        f"  {_called()} work --data {data}\n"
        f"  {_called()} check --data {data} --messages {data}/provider/taken.jsonl\n"
        f'  curl -H "Authorization: Bearer $(cat {data}/keys/api/carolina-mco.key)" '
        f"'{there.addresses.services['scheduling']}/covered-sessions?from=2026-01-01&to=2026-03-31'\n"
        "Ctrl-C drains and ends everything."
    )
