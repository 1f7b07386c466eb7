"""A referrals service that really runs, as a process on a real broker, for clients that others wrote."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from deploy.nats import topology
from shared.programme import Programme
from tests.deploy.ground import ground
from tests.outside.house import KEYS, programme, seal_keys
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
HOSPITAL = "general-hospital"
SIGNING_KEY = ec.generate_private_key(ec.SECP384R1())
START_WITHIN = 60.0


@dataclass(frozen=True)
class Running:
    """Where the service is reached, and the hospital's seed file for the broker."""

    url: str
    mllp_port: int
    nats: str
    seed: Path

    @property
    def fhir(self) -> str:
        """The base of its FHIR edge."""
        return f"{self.url}/fhir"

    @property
    def authorization(self) -> str:
        """What the hospital's systems send as `Authorization`."""
        return f"Bearer {KEYS[HOSPITAL]}"


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """This will run a broker and the service on it for the length of the block."""
    public = {**json.loads(ECAlgorithm.to_jwk(SIGNING_KEY.public_key())), "kid": "ec", "alg": "ES384"}
    agreed: dict[str, Any] = {"mllp": True, "jwks": {"keys": [public]}}
    file, port, mllp_port = programme(folder, **{HOSPITAL: agreed}), free_port(), free_port()
    organisations = list(Programme.read(file).organisations.values())
    with ground(folder / "nats", organisations) as broker:
        asyncio.run(topology.declare(broker.url, broker.admin_seed, organisations))
        told = {
            "PROGRAMME": file,
            "SEAL_KEYS": seal_keys(folder),
            "NATS_URL": broker.url,
            "NATS_SEED": broker.configuration.seeds["referrals"],
            "PORT": port,
            "MLLP": json.dumps({HOSPITAL: mllp_port}),
        }
        with _process(told, folder / "referrals.log"):
            there = Running(f"http://127.0.0.1:{port}", mllp_port, broker.url, broker.configuration.seeds[HOSPITAL])
            _until_ready(there.url, folder / "referrals.log")
            yield there


@contextmanager
def _process(told: dict[str, Any], log: Path) -> Iterator[None]:
    surroundings = {f"ALONGSIDE_REFERRALS_{knob}": str(value) for knob, value in told.items()}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.referrals"],
            cwd=ROOT,
            env=os.environ | surroundings,
            stdout=out,
            stderr=out,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/ready", timeout=2).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"the service did not get ready: {log.read_text()[-2000:]}")
