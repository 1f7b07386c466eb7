"""What the command shows in a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.check.findings import Finding
from deploy.up import Running
from deploy.world import people
from deploy.world.play import Play
from deploy.world.tally import Summary
from shared.work import Task


def addresses(there: Running) -> Table:
    """This will show where everything listens."""
    table = Table(title="Alongside", title_justify="left", box=None, pad_edge=False)
    for column in ("what", "where", "documents"):
        table.add_column(column)
    for name, url in there.addresses.services.items():
        table.add_row(name, url, f"{url}/docs  {url}/asyncapi")
    table.add_row("nats", there.addresses.nats, f"keys in {there.premises.data / 'nats' / 'keys'}")
    table.add_row("data", str(there.premises.data), "logs, stores, API keys in keys/api")
    return table


def progress(play: Play, so_far: Summary | None) -> RenderableType:
    """This will show how far the play has come."""
    whole = (play.end - people.BEGIN).total_seconds()
    done = max((play.conductor.now - people.BEGIN).total_seconds(), 0)
    bar = ProgressBar(total=whole, completed=done, width=40)
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
        ("Referrals posted", told.referrals_posted, f"half over HTTP, half on the bus; {told.duplicates} came twice"),
        ("  taken at once", told.accepted, ""),
        ("  held for a person first", told.crisis_review + told.needs_screen + told.needs_info, _held(told)),
        ("  refused", told.refused, "each told where it was wrong and what to do"),
        (
            "Offers to supporters",
            told.offers_made,
            f"{told.offers_declined} declined, {told.offers_expired} unanswered",
        ),
        ("Matches", told.matches_made, f"{told.waiting_now} still wait; {told.waitlisted} had to wait for room"),
        ("Visits booked", told.sessions_booked, f"{told.sessions_ahead} still ahead"),
        ("  held", told.sessions_held, f"{told.sessions_missed} missed, {told.sessions_cancelled} cancelled"),
        ("Reminders planned", told.reminders_planned, f"{told.reminders_ahead} still ahead"),
        ("  sent", told.reminders_sent, f"{told.reminders_skipped} no longer wanted, {told.reminders_failed} failed"),
        ("Messages sent", told.messages_sent, f"{told.replies} replies came back"),
        (
            "Units delivered",
            told.units_delivered,
            f"{told.units_covered} covered; insurers see {told.insurers_see_units}",
        ),
        ("Letters nobody could apply", told.dead_letters, ""),
    ]
    for what, count, rest in rows:
        table.add_row(what, f"{count:,}", rest)
    return Group(table, Text(f"{told.seconds:.0f} seconds, {play.conductor.steps} steps of the clock", style="dim"))


def _held(told: Summary) -> str:
    parts = [
        (told.crisis_review, "possible danger"),
        (told.needs_screen, "no risk answer"),
        (told.needs_info, "incomplete"),
    ]
    return ", ".join(f"{count} {words}" for count, words in parts if count)


def what_next(there: Running) -> RenderableType:
    """This will say what may be tried on the live system."""
    data = there.premises.data
    return Text(
        "The system is live, its clock runs on from here. Try, in another terminal:\n"
        f"  alongside work --data {data}\n"
        f"  alongside check --data {data} --messages {data}/provider/taken.jsonl\n"
        f'  curl -H "Authorization: Bearer $(cat {data}/keys/api/garden-health.key)" '
        f"'{there.addresses.services['scheduling']}/covered-sessions?from=2026-01-01&to=2026-03-31'\n"
        "Ctrl-C drains and ends everything."
    )


def findings(found: Sequence[Finding]) -> RenderableType:
    """This will show each promise, and whom it is broken for."""
    table = Table(title="Promises", title_justify="left", box=None, pad_edge=False)
    for column in ("", "promise", "looked at", "broken"):
        table.add_column(column)
    for each in found:
        table.add_row(
            each.promise, each.words, f"{each.looked_at:,}", Text(_broken(each), "red" if each.broken else "")
        )
    reasons = [Text(why, "yellow") for why in sorted({each.unseen for each in found if each.unseen})]
    return Group(table, Text(_verdict(found), "bold"), *reasons)


def _verdict(found: Sequence[Finding]) -> str:
    if any(each.broken for each in found):
        return "Not everything is as promised."
    unseen = sum(bool(each.unseen) for each in found)
    return f"{unseen} promises could not be looked at." if unseen else "Everything is as promised."


def _broken(each: Finding) -> str:
    if each.unseen:
        return "not looked at"
    shown = ", ".join(each.broken[:5])
    return f"{len(each.broken)}: {shown}{' ...' if len(each.broken) > 5 else ''}" if each.broken else "none"


def tasks(waiting: Sequence[tuple[str, Task]]) -> RenderableType:
    """This will show what waits for a person."""
    table = Table(title=f"{len(waiting)} tasks wait for a person", title_justify="left", box=None, pad_edge=False)
    for column in ("due", "service", "kind", "owner", "about"):
        table.add_column(column, no_wrap=column != "about")
    for service, each in waiting:
        table.add_row(f"{each.due:%a %d %b %H:%M} UTC", service, each.kind, each.owner, each.about)
    return table
