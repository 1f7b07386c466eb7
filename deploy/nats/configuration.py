"""The broker's configuration: one account for the programme, one for each organisation, written from a list of them."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.nats import keys, permissions, plan
from shared import names

PLATFORM, SYSTEM = "PLATFORM", "SYS"


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
    users = [plan.ADMIN, *names.SERVICES, *(each.organisation_id for each in organisations)]
    seeds = {each: keys.kept(folder / "keys", each) for each in users}
    server = {
        "listen": f"{host}:{port}",
        # The monitoring port asks nobody who they are: loopback only, whatever the host.
        "http": f"127.0.0.1:{monitor_port}",
        "ports_file_dir": str(ports),
        **_limits(),
        "jetstream": _jetstream(store or folder / "jetstream"),
        "accounts": _accounts(organisations, {name: keys.public(path) for name, path in seeds.items()}, shares),
        "system_account": SYSTEM,
    }
    path = folder / "nats-server.conf"
    _replace(path, json.dumps(server, indent=2) + "\n")
    return Configuration(path=path, seeds=seeds, ports=ports)


def _limits() -> dict[str, Any]:
    return {
        "max_payload": plan.MESSAGE_BYTES,
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


def _accounts(organisations: Sequence[plan.Organisation], public: Mapping[str, str], shares: int) -> dict[str, Any]:
    consumers = plan.consumers(organisations, shares=shares)
    readers = {each.owner: each for each in consumers if each.name == plan.STATUS_READER}
    allowed = {plan.ADMIN: permissions.admin()}
    allowed |= {each: permissions.service(each, organisations, consumers) for each in names.SERVICES}
    platform = {
        "jetstream": "enabled",
        "users": [{"nkey": public[name], "permissions": each} for name, each in allowed.items()],
        "exports": [each for one in organisations for each in _exports(one, readers[one.organisation_id])],
    }
    theirs = {one.organisation_id: _account(one, readers[one.organisation_id], public) for one in organisations}
    return {PLATFORM: platform, **theirs, SYSTEM: {"users": []}}


def _exports(one: plan.Organisation, reader: plan.Consumer) -> list[dict[str, Any]]:
    """This will list what one organisation, and no other, may reach of the programme's account."""
    follow, acknowledge = permissions.crossing(reader)
    reached = [(each, "singleton", "5s") for each in (*plan.posted_subjects(one), *plan.asked_subjects(one))]
    reached += [(follow, "stream", "60s"), (acknowledge, "singleton", "5s")]
    return [
        {"service": subject, "accounts": [one.organisation_id], "response_type": answers, "threshold": within}
        for subject, answers, within in reached
    ]


def _account(one: plan.Organisation, reader: plan.Consumer, public: Mapping[str, str]) -> dict[str, Any]:
    imports = [each["service"] for each in _exports(one, reader)]
    user = {"nkey": public[one.organisation_id], "permissions": permissions.organisation(one, reader)}
    return {
        "limits": {
            "max_connections": 4,
            "max_subscriptions": 32,
            "max_payload": plan.ORGANISATION_MESSAGE_BYTES,
            "max_leafnodes": 0,
        },
        "users": [user],
        "imports": [{"service": {"account": PLATFORM, "subject": each}} for each in imports],
    }


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
