"""The data folder of one deployment: its programme, keys, broker configuration, stores and addresses."""

import json
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.claim import changing
from deploy.nats import configuration
from deploy.nats.configuration import Configuration
from shared import names, sealed
from shared.programme import Organisation, Programme, Site, hash_key, new_key

AGENCY = "programme"
MARK = "this-is-a-demo"
"""The file by which a folder is known for a demo's."""
INBOUND = "ALONGSIDE_NOTIFICATIONS_INBOUND_SECRET"
"""The setting in which a message provider's secret stands, with which it brings replies."""
FIRST_MLLP = 6
"""How far above the base of all ports those of MLLP begin."""

EMPTY_PROGRAMME = Programme(
    sites={"main": Site(site_id="main", public_name="Main office", phone="555-0100")},
    organisations={AGENCY: Organisation(organisation_id=AGENCY, name="The programme itself", kind="agency")},
)
"""What `up` begins with: one site, and the programme's own people; docs/programme.md says how to write your own."""


@dataclass(frozen=True)
class Addresses:
    """Where everything listens: service URLs by name, the NATS URL, the databases by service, MLLP ports by sender."""

    services: dict[str, str]
    nats: str
    databases: dict[str, str]
    mllp: dict[str, int] = field(default_factory=dict)

    def write(self, data: Path) -> None:
        """This will leave the addresses where the other commands find them."""
        # For its owner only: a database URL may hold a password.
        replace(data / "addresses.json", json.dumps(vars(self), indent=2), mode=0o600)

    @classmethod
    def read(cls, data: Path) -> "Addresses":
        """This will find a deployment again; FileNotFoundError says what to do."""
        path = data / "addresses.json"
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: is this the folder `alongside up --data` was given?")
        return cls(**json.loads(path.read_text()))


@dataclass(frozen=True)
class Premises:
    """An equipped data folder."""

    data: Path
    programme: Programme
    broker: Configuration
    shares: int = 1

    def api_key(self, organisation_id: str) -> str:
        """This will read an organisation's API key, where this folder made it."""
        return key_file(self.data, organisation_id).read_text().strip()

    @property
    def organisations(self) -> list[Organisation]:
        """Everybody who posts or asks."""
        return list(self.programme.organisations.values())

    @property
    def admin_seed(self) -> Path:
        """The seed of the user that declares and inspects."""
        return self.broker.seeds["admin"]

    def mllp_ports(self, base: int) -> dict[str, int]:
        """This will give a port to each organisation that sends HL7 v2, above `base`, and the same one for ever.

        For the port says who sends: one that another had, also long ago, is never given again.
        """
        path = self.data / "mllp.json"
        places: list[str] = json.loads(path.read_text()) if path.exists() else []
        senders = sorted(name for name, each in self.programme.organisations.items() if each.mllp)
        if fresh := [each for each in senders if each not in places]:
            places += fresh
            replace(path, json.dumps(places))
        return {name: base + FIRST_MLLP + places.index(name) for name in senders}

    def environment(self, service: str, *, nats_url: str, database: str, clock: str) -> dict[str, str]:
        """This will give the settings a service is started with."""
        knobs = {
            "DATABASE_URL": database,
            "NATS_URL": nats_url,
            "NATS_SEED": str(self.broker.seeds[service]),
            "PROGRAMME": str(self.data / "programme.json"),
            "SEAL_KEYS": str(self.data / "keys" / "seal.json"),
            "CLOCK": clock,
        }
        return {f"ALONGSIDE_{service.upper()}_{knob}": value for knob, value in knobs.items()}


def equip(
    data: Path,
    *,
    programme: Programme | None = None,
    nats_host: str = "127.0.0.1",
    nats_port: int = -1,
    monitor_port: int = -1,
    store: Path | None = None,
    shares: int | None = None,
) -> Premises:
    """This will make a data folder complete, keeping every key and setting that is already there.

    `shares` is how many processes work each store; None keeps what was said before.
    """
    data = data.resolve()
    (data / "keys" / "api").mkdir(parents=True, exist_ok=True, mode=0o700)
    with changing(data):
        seal = data / "keys" / "seal.json"
        if not seal.exists():
            replace(seal, sealed.new_keys(), mode=0o600)
        kept = _programme(data, programme)
        organisations: Sequence[Organisation] = list(kept.organisations.values())
        divided = shares or _shares(data)
        replace(data / "shares", f"{divided}\n")
        broker = configuration.write(
            data / "nats",
            organisations,
            host=nats_host,
            port=nats_port,
            monitor_port=monitor_port,
            store=store,
            shares=divided,
        )
    return Premises(data, kept, broker, divided)


def known(data: Path) -> Premises:
    """This will find an equipped data folder and change nothing in it; FileNotFoundError says what to do."""
    data = data.resolve()
    path = data / "programme.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `alongside prepare --data` or `alongside up --data` writes it.")
    programme = Programme.read(path)
    written = configuration.written(data / "nats", list(programme.organisations.values()))
    return Premises(data, programme, written, _shares(data))


def _shares(data: Path) -> int:
    path = data / "shares"
    return int(path.read_text()) if path.exists() else 1


def database_urls(data: Path, template: str | None) -> dict[str, str]:
    """This will give each service's database: a file in `data`, or `template` with `{service}` filled in."""
    if template and "{service}" not in template:
        raise ValueError("The database URL must hold {service}: each service has a database of its own.")
    wanted = template or f"sqlite:///{data.resolve()}/{{service}}.sqlite"
    return {each: wanted.replace("{service}", each) for each in names.SERVICES}


def service_urls(template: str) -> dict[str, str]:
    """This will give each service's address: `template` with `{service}` and its usual `{port}` filled in."""
    ports = {name: str(names.port(name)) for name in names.SERVICES}
    return {name: template.replace("{service}", name).replace("{port}", port) for name, port in ports.items()}


def _programme(data: Path, wanted: Programme | None) -> Programme:
    path = data / "programme.json"
    if not path.exists():
        fresh = wanted or EMPTY_PROGRAMME
        organisations = {name: _with_key(data, each) for name, each in fresh.organisations.items()}
        replace(path, fresh.model_copy(update={"organisations": organisations}).model_dump_json(indent=2))
    return Programme.read(path)


def _with_key(data: Path, organisation: Organisation) -> Organisation:
    path = key_file(data, organisation.organisation_id)
    if not path.exists():
        replace(path, new_key(organisation.organisation_id), mode=0o600)
    return organisation.model_copy(update={"key_hashes": [hash_key(path.read_text().strip())]})


def key_file(data: Path, organisation_id: str) -> Path:
    """This will say where an organisation's API key is kept."""
    return data / "keys" / "api" / f"{organisation_id}.key"


def replace(path: Path, content: str, *, mode: int = 0o644, like: os.stat_result | None = None) -> None:
    """This will replace a file whole or not at all; with the mode and the owner of what it was `like`."""
    draft = path.with_name(path.name + ".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(content + "\n")
        file.flush()
        if like:
            os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
            with suppress(PermissionError):
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
        os.fsync(file.fileno())
    draft.replace(path)
