"""FHIR, HL7 and NATS clients that others wrote for Node, as they come from npm, at a service that really runs."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.outside.house import KEYS
from tests.outside.running import HOSPITAL, Running
from tests.referrals.makers import request
from tests.referrals.pipes import SEGMENTS, message

HERE = Path(__file__).parent / "node"
BUILD = Path(__file__).parents[2] / "build"
OLDEST = 20
MANY = 3


def _found(name: str) -> str:
    """A program, from this environment before the machine's own."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return shutil.which(name, path=beside) or pytest.skip(
        f"there is no {name}: install Node {OLDEST} or later with npm"
    )


@pytest.fixture(scope="module")
def node() -> str:
    """Node, where it is new enough."""
    program = _found("node")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST:
        pytest.skip(f"Node is {version}: these clients want {OLDEST} or later")
    return program


@pytest.fixture(scope="module")
def scripts(node: str) -> Path:
    """A folder with the clients, installed once for each lock file, and the scripts that use them."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = BUILD / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (folder / "node_modules").exists():
        _install(folder)
    for each in HERE.glob("*.mjs"):
        shutil.copy(each, folder)
    return folder


def _install(folder: Path) -> None:
    """Install in a draft, so that what was cut short is not taken for whole."""
    draft = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.copytree(HERE, draft, dirs_exist_ok=True)
    command = [_found("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    done = subprocess.run(command, cwd=draft, capture_output=True, text=True, timeout=300)
    if done.returncode and "network" in done.stderr.lower():
        pytest.skip("npm reaches no registry")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def run(node: str, script: Path, **told: Any) -> dict[str, Any]:
    """What a script says, given what it is told."""
    done = subprocess.run([node, str(script), json.dumps(told)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def fresh() -> dict[str, Any]:
    """A referral that was never sent before."""
    return request(f"J-{uuid4()}")


def identifier(body: dict[str, Any]) -> str:
    """The hospital's number of a referral, as it is searched by."""
    return f"urn:hospital|{body['identifier'][0]['value']}"


def test_fhir_kit_client_refers_searches_pages_and_takes_back(service: Running, node: str, scripts: Path) -> None:
    body, others = fresh(), [fresh() for _ in range(MANY)]
    reached = {"fhir": service.fhir, "authorization": service.authorization}

    said = run(node, scripts / "fhir_kit_client.mjs", **reached, body=body, others=others, identifier=identifier(body))

    assert said["made"] == said["again"]
    assert sorted(said["found"]) == ["ServiceRequest", "Task"]
    assert said["made"] in said["paged"] and len(set(said["paged"])) == len(said["paged"]) > MANY
    assert (said["status"], said["stale"], said["cancelled"]) == ("accepted", 412, "cancelled")
    assert (said["refused"], said["nobody"]) == (["ServiceRequest.status"], 404)
    assert (said["fhirVersion"], said["tokenUrl"]) == ("4.0.1", f"{service.url}/auth/token")


def test_medplum_refers_searches_pages_and_takes_back(service: Running, node: str, scripts: Path) -> None:
    body, others = fresh(), [fresh() for _ in range(MANY)]
    reached = {"url": service.url, "key": KEYS[HOSPITAL]}

    said = run(node, scripts / "medplum.mjs", **reached, body=body, others=others, identifier=identifier(body))

    assert said["made"] == said["again"] == said["found"]
    assert said["made"] in said["paged"] and len(set(said["paged"])) == len(said["paged"]) > MANY
    assert said["answered"] == ["201"] * MANY
    assert (said["status"], said["cancelled"], said["patched"]) == ("accepted", "cancelled", "cancelled")
    assert said["refused"] == ["ServiceRequest.status"]


def test_node_hl7_client_refers_and_is_told_what_is_wrong(service: Running, node: str, scripts: Path) -> None:
    number = str(uuid4().int)[:12]
    changed = {"MSH": SEGMENTS["MSH"].replace("MSG-1", number), "RF1": SEGMENTS["RF1"].replace("R-1^", f"{number}^")}

    said = run(node, scripts / "node_hl7_client.mjs", port=service.mllp_port, text=message(**changed).decode())

    assert said["kind"].startswith("RRI^I12")
    assert said["written"][1:3] == ["AA", number]
    assert said["refused"][1] in ("AE", "AR") and said["why"]


def test_nats_io_jetstream_posts_and_reads_its_own_status_only(service: Running, node: str, scripts: Path) -> None:
    reached = {"nats": service.nats, "seed": str(service.seed), "organisation": HOSPITAL, "other": "river-clinic"}

    said = run(node, scripts / "jetstream.mjs", **reached, body=fresh())

    assert (said["stream"], said["duplicate"]) == (f"IN_{HOSPITAL}", True)
    assert said["status"] == {"subject": f"status.{HOSPITAL}.referral.v1", "resource": "Task", "status": "accepted"}
    assert len(said["refused"]) == 4 and "done" not in said["refused"]
