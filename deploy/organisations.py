"""The command `alongside org`: lets organisations in, gives them new keys and suspends them, while everything runs."""

import asyncio
import json
import re
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy import membership
from deploy.desk import Done
from deploy.nats import plan
from deploy.nats.permissions import inbox
from deploy.premises import Addresses, Premises, key_file, known
from shared import names
from shared.clock import real
from shared.programme import POSTS, Keys, Organisation

app = typer.Typer(
    no_args_is_help=True, help="Organisations: let one in, change its keys, suspend it, while everything runs."
)
console = Console()
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST = timedelta(days=365)


def _kind(kind: str) -> str:
    """This will refuse what is no kind of organisation."""
    if kind not in POSTS:
        raise typer.BadParameter(f"choose one of {', '.join(POSTS)}.")
    return kind


def _id(organisation: str) -> str:
    """This will refuse what cannot be part of subjects and streams."""
    if not names.ORGANISATION.fullmatch(organisation):
        raise typer.BadParameter("use a-z, 0-9 and inner hyphens, 40 at most.")
    return organisation


def _grace(written: str) -> timedelta:
    """This will read `24h`, `7d`, `30m`, `90s` or `0`."""
    found = re.fullmatch(r"0|(\d{1,8})([smhd])", written)
    told = timedelta(seconds=int(found[1] or 0) * UNITS.get(found[2], 0)) if found else LONGEST * 2
    if told > LONGEST:
        raise typer.BadParameter("give minutes, hours or days, like 30m, 24h or 7d, a year at most, or 0.")
    return told


Data = Annotated[Path, typer.Option(file_okay=False, help="The folder of this deployment.")]
Id = Annotated[str, typer.Argument(metavar="ORG", callback=_id, help="The organisation's id: a-z, 0-9 and hyphens.")]
Within = Annotated[
    float, typer.Option(min=1, max=3600, help="How many seconds broker and services have to follow.", metavar="SECONDS")
]
DATA = Path("data")


@app.command()
def add(
    organisation: Id,
    name: Annotated[str, typer.Option(help="What it is called.")],
    kind: Annotated[str, typer.Option(callback=_kind, help=f"One of {', '.join(POSTS)}.")],
    site: Annotated[str | None, typer.Option(help="Where its referrals go when they name no site.")] = None,
    screens_before_referring: Annotated[
        bool, typer.Option("--screens-before-referring", help="It has screened whom it refers.")
    ] = False,
    status_consent_by_agreement: Annotated[
        bool, typer.Option("--status-consent-by-agreement", help="Whom it refers agreed to it hearing what became.")
    ] = False,
    plan_id: Annotated[list[str] | None, typer.Option(help="A payer's plan; once for each.")] = None,
    mllp: Annotated[bool, typer.Option("--mllp", help="Its engine sends HL7 v2 to a port of its own.")] = False,
    jwks: Annotated[Path | None, typer.Option(dir_okay=False, help="A file with its public keys (JWK Set).")] = None,
    jwks_url: Annotated[
        str | None, typer.Option(help="Where it keeps its public keys (JWK Set).", metavar="URL")
    ] = None,
    test: Annotated[bool, typer.Option("--test", help="It tries its systems: nothing of it reaches a person.")] = False,
    data: Data = DATA,
    within: Within = membership.WITHIN,
) -> None:
    """Let an organisation in: programme, broker and services know it when this ends."""
    entry = {
        "name": name,
        "kind": kind,
        "site_id": _site(data, site),
        "screens_before_referring": screens_before_referring or None,
        "status_consent_by_agreement": status_consent_by_agreement or None,
        "plan_ids": plan_id or None,
        "mllp": mllp or None,
        "jwks": _public_keys(jwks) if jwks else None,
        "jwks_url": jwks_url,
        "test": test or None,
    }
    done = _do(membership.add(data, organisation, entry, within=within))
    _say(f"{organisation} is let in{_from(done)}.", *_to_send(done, organisation), *_later(done, mllp=mllp))


@app.command()
def rotate(
    organisation: Id,
    grace: Annotated[
        timedelta, typer.Option(parser=_grace, metavar="TIME", help="How long its keys of now work on: 24h, 7d, 0.")
    ] = "24h",  # type: ignore[assignment]
    data: Data = DATA,
    within: Within = membership.WITHIN,
) -> None:
    """Give an organisation a new API key and nkey; those it has work on for a while."""
    done = _do(membership.rotate(data, organisation, grace=grace, within=within))
    assert done.until
    former = f"work until {done.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if grace else "do not work any more"
    _say(
        f"{organisation} has a new API key and nkey{_from(done)}. Those it had before {former}.",
        *_to_send(done, organisation),
        *_later(done),
    )
    if grace and done.runs and not done.here:
        _say(_afterwards(done))


@app.command()
def retire(organisation: Id, data: Data = DATA, within: Within = membership.WITHIN) -> None:
    """End the keys that were replaced now, before their time: when an organisation says that it has changed."""
    done = _do(membership.retire(data, organisation, within=within))
    _say(f"Of {organisation} only the newest keys work{_from(done)}.", *_later(done))
    if not done.here and done.runs:
        _say(_afterwards(done))


@app.command()
def suspend(organisation: Id, data: Data = DATA, within: Within = membership.WITHIN) -> None:
    """Let an organisation in no more; what it sent before goes on, and nothing of it is lost."""
    done = _do(membership.suspend(data, organisation, within=within))
    _say(f"{organisation} is suspended{_from(done)}: its keys are refused. What it sent before goes on.", *_later(done))


@app.command()
def resume(organisation: Id, data: Data = DATA, within: Within = membership.WITHIN) -> None:
    """Let a suspended organisation in again, with the keys it had."""
    done = _do(membership.resume(data, organisation, within=within))
    _say(f"{organisation} is let in again{_from(done)}, with the keys it had.", *_later(done))


@app.command("list")
def list_(
    data: Data = DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Show who is let in, and how old their keys are."""
    there = known(data)
    shown = [_shown(there, each) for each in there.organisations]
    if as_json:
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    # Seldom are there former keys: without them the names have room on a small terminal.
    ending = any(each["former_keys_end"] for each in shown)
    for column in ("id", "name", "kind", "state", "key age", "mllp", *(["former keys end"] if ending else [])):
        table.add_column(column, no_wrap=column != "name")
    for each in shown:
        kind = f"{each['kind']}, test" if each["test"] else each["kind"]
        words = [each["id"], each["name"], kind, each["state"], _age(each["key_age_days"]), _yes(each["mllp"])]
        table.add_row(*map(escape, [*words, *([each["former_keys_end"] or ""] if ending else [])]))
    console.print(table)


def _age(days: int | None) -> str:
    return "not here" if days is None else "1 day" if days == 1 else f"{days} days"


def _yes(it: bool) -> str:
    return "yes" if it else "no"


def _shown(there: Premises, one: Organisation) -> dict[str, Any]:
    path = key_file(there.data, one.organisation_id)
    made = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None
    ends = [each for each in (*one.key_ends.values(), *one.nkey_ends.values()) if each > real()]
    return {
        "id": one.organisation_id,
        "name": one.name,
        "kind": one.kind,
        "state": "suspended" if one.suspended else "active",
        "key_made": f"{made:%Y-%m-%dT%H:%MZ}" if made else None,
        "key_age_days": (real() - made).days if made else None,
        "former_keys_end": f"{max(ends).astimezone(UTC):%Y-%m-%dT%H:%MZ}" if ends else None,
        "mllp": one.mllp,
        "test": one.test,
    }


def _do(asked: Coroutine[Any, Any, Done]) -> Done:
    return asyncio.run(asked)


def _say(*lines: str) -> None:
    for each in lines:
        typer.echo(each)


def _from(done: Done) -> str:
    return " from now on" if done.runs else " from the next start"


def _site(data: Path, site: str | None) -> str | None:
    if site is not None and site not in (sites := known(data).programme.sites):
        raise typer.BadParameter(f"choose one of {', '.join(sites)}.", param_hint="--site")
    return site


def _public_keys(path: Path) -> dict[str, Any]:
    try:
        return Keys.model_validate_json(path.read_bytes()).model_dump(mode="json")
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place, told = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{path}{f', {place}' if place else ''}: {told}") from None


def _to_send(done: Done, organisation: str) -> list[str]:
    """This will say what the organisation needs, and where it lies."""
    data, one = done.premises.data, done.premises.programme.organisations[organisation]
    posts = ", ".join(plan.posted_subjects(one))
    stream = names.status_stream(organisation)
    return [
        f"  API key    {done.key}",
        f"             shown this once; it stays in {key_file(data, organisation)}",
        f"  NATS seed  {done.premises.broker.seeds[organisation]}",
        *_where(data),
        "Send it both by a safe way, with docs/referring.md and these addresses as they are seen from there. "
        f"On the bus it posts to {posts}, reads {stream} as {plan.STATUS_READER}, and gives its inbox the prefix "
        f"{inbox(organisation)}.",
    ]


def _where(data: Path) -> list[str]:
    try:
        there = Addresses.read(data)
    except FileNotFoundError:
        return []
    services = [f"             {url}  ({name})" for name, url in there.services.items() if name != "notifications"]
    return [f"  addresses  {there.nats}  (NATS)", *services]


def _later(done: Done, *, mllp: bool = False) -> list[str]:
    """This will say what is left to do."""
    lines = []
    if mllp and done.runs:
        lines.append("Its port for HL7 v2 opens when `alongside up` is ended and started again, which tells the port.")
    if not done.runs:
        lines.append(
            "Nothing runs from this folder now. `alongside up` reads all of it; a broker that runs elsewhere is to "
            f"read {done.premises.broker.path} first, by a restart, or by SIGHUP twice."
        )
    return lines


def _afterwards(done: Done) -> str:
    return (
        "A broker forgets no key by itself. When the replaced ones are over, `alongside org retire` writes "
        f"{done.premises.broker.path} without them, and the broker is to read it again, by SIGHUP twice or a restart."
    )
