"""The broker's configuration: an account for the streams, for each service, and for each of the organisations given."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.nats import keys, permissions, plan, reach
from deploy.nats.reach import Reach
from shared import names
from shared.clock import real

SYSTEM = "SYS"

ORGANISATION_LIMITS = {
    "max_connections": 4,
    "max_subscriptions": 32,
    "max_payload": plan.ORGANISATION_MESSAGE_BYTES,
    "max_leafnodes": 0,
}


@dataclass(frozen=True)
class Configuration:
    """A written configuration: the server's file, each user's seed file, and where the server reports its ports."""

    path: Path
    seeds: Mapping[str, Path]
    ports: Path


def write(
    folder: Path,
    organisations: Sequence[plan.Organisation],
    *,
    host: str = "127.0.0.1",
    port: int = -1,
    monitor_port: int = -1,
    store: Path | None = None,
    shares: int = 1,
) -> Configuration:
    """This will write the server's configuration and any missing key; port -1 lets the server choose a free one."""
    plan.refuse_unusable(organisations)
    folder = folder.resolve()
    ports = folder / "ports"
    ports.mkdir(parents=True, exist_ok=True)
    seeds = {each: keys.kept(folder / "keys", each) for each in _users(organisations)}
    server = {
        "listen": f"{host}:{port}",
        # The monitoring port asks nobody who they are: loopback only, whatever the host.
        "http": f"127.0.0.1:{monitor_port}",
        "ports_file_dir": str(ports),
        **_limits(),
        "jetstream": _jetstream(store or folder / "jetstream"),
        "accounts": _accounts(organisations, _known_keys(folder / "keys", organisations, seeds), shares),
        "system_account": SYSTEM,
    }
    path = folder / "nats-server.conf"
    _replace(path, json.dumps(server, indent=2) + "\n")
    return Configuration(path=path, seeds=seeds, ports=ports)


def rewrite(folder: Path, organisations: Sequence[plan.Organisation], *, shares: int = 1) -> Configuration:
    """
    This will write the accounts anew, and leave everything else in the server's configuration as it stands.

    The file stays untouched where nothing changes, so that whoever watches it is not called. ValueError when it is not
    as `write` leaves it.
    """
    plan.refuse_unusable(organisations)
    there = written(folder, organisations)
    try:
        server = json.loads(there.path.read_text())
        before = server["accounts"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(f"{there.path} is not as Alongside wrote it: `alongside prepare` writes it anew.") from None
    seeds = {each: keys.kept(folder / "keys", each) for each in there.seeds}
    server["accounts"] = _accounts(organisations, _known_keys(folder / "keys", organisations, seeds), shares)
    if server["accounts"] != before:
        _replace(there.path, json.dumps(server, indent=2) + "\n")
    return there


def written(folder: Path, organisations: Sequence[plan.Organisation]) -> Configuration:
    """This will find what `write` left in a folder, changing nothing: the broker that runs on it may read it again."""
    folder = folder.resolve()
    seeds = {each: keys.place(folder / "keys", each) for each in _users(organisations)}
    return Configuration(path=folder / "nats-server.conf", seeds=seeds, ports=folder / "ports")


def _users(organisations: Sequence[plan.Organisation]) -> list[str]:
    return [plan.ADMIN, *names.SERVICES, *(each.organisation_id for each in organisations)]


def _known_keys(
    folder: Path, organisations: Sequence[plan.Organisation], seeds: Mapping[str, Path]
) -> dict[str, list[str]]:
    """This will list each user's public keys: its own, the one to come, and those replaced that may still be used."""
    public = {name: [keys.public(path)] for name, path in seeds.items()}
    for each in organisations:
        known = public[each.organisation_id]
        if (coming := keys.coming(folder, each.organisation_id)).exists():
            known.append(keys.public(coming))
        known += [key for key, until in each.nkey_ends.items() if real() < until and key not in known]
        if each.suspended:
            known.clear()
    return public


def _limits() -> dict[str, Any]:
    return {
        "max_payload": names.MESSAGE_BYTES,
        "max_control_line": 4096,
        "max_connections": 4096,
        "max_subscriptions": 1000,
        # A reader that lets more than this pile up is cut off; the server is not.
        "max_pending": 32 * plan.MIB,
        "write_deadline": "3s",
        "authorization": {"timeout": 2},
        # The second form of acknowledgement is silently lost between accounts.
        "feature_flags": {"js_ack_fc_v2": False},
    }


def _jetstream(store: Path) -> dict[str, Any]:
    sizes = {"max_file_store": plan.MAX_FILE_STORE, "max_memory_store": 64 * plan.MIB}
    return {"store_dir": str(store.resolve()), **sizes, "sync_interval": "always", "strict": True}


def _accounts(
    organisations: Sequence[plan.Organisation], public: Mapping[str, Sequence[str]], shares: int
) -> dict[str, Any]:
    """
    This will give each service and each organisation an account of its own, and the streams one that nobody else is in.

    Within an account a user can name any subject as the one to reply to, and the server would publish there for it:
    facts of others, or requests of an administrator. Replies to another account reach only the one that asked.
    """
    consumers = plan.consumers(organisations, shares=shares)
    services = {each: reach.of_service(each, organisations, consumers) for each in names.SERVICES}
    outside = {each.organisation_id: reach.of_organisation(each, consumers) for each in organisations}
    reached = {**services, **outside}
    allowed = {each: permissions.service(each, services[each]) for each in names.SERVICES}
    allowed |= {
        each.organisation_id: permissions.organisation(each, outside[each.organisation_id]) for each in organisations
    }
    platform = {
        "jetstream": "enabled",
        "users": [{"nkey": key, "permissions": permissions.admin()} for key in public[plan.ADMIN]],
        "exports": [_time(), *_exports(reach.PLATFORM, reached)],
    }
    theirs = {
        name: {
            "limits": ORGANISATION_LIMITS if name in outside else {"max_leafnodes": 0},
            "users": [{"nkey": key, "permissions": each} for key in public[name]],
            "imports": [*map(_import, reached[name]), *([_time_import()] if name in services else [])],
            "exports": _exports(name, reached),
            "mappings": reach.RENAMED if name in services else {},
        }
        for name, each in allowed.items()
    }
    return {reach.PLATFORM: platform, **theirs, SYSTEM: {"users": []}}


def _exports(keeper: str, reached: Mapping[str, Sequence[Reach]]) -> list[dict[str, Any]]:
    """This will list what others reach of one account, each subject for those who reach it and nobody else."""
    by_subject: dict[Reach, list[str]] = {}
    for name, each in ((name, each) for name, all_of_it in reached.items() for each in all_of_it):
        if each.keeper == keeper:
            by_subject.setdefault(each, []).append(name)
    return [
        {"service": each.subject, "accounts": who, "response_type": each.replies, "threshold": f"{each.within}s"}
        for each, who in by_subject.items()
    ]


def _import(reached: Reach) -> dict[str, Any]:
    there = {"service": {"account": reached.keeper, "subject": reached.subject}}
    return there if reached.here == reached.subject else {**there, "to": reached.here}


def _time() -> dict[str, Any]:
    return {"stream": names.CLOCK_SUBJECT, "accounts": list(names.SERVICES)}


def _time_import() -> dict[str, Any]:
    return {"stream": {"account": reach.PLATFORM, "subject": names.CLOCK_SUBJECT}}


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
