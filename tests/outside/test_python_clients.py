"""FHIR and HL7 clients that others wrote in Python, as they come from PyPI, at a service that really runs."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import fhirclient.client
import hl7
import jwt
import pytest
from fhirclient.models.servicerequest import ServiceRequest
from fhirclient.models.task import Task
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, OperationOutcome, ResourceNotFound

from shared.clock import real
from tests.outside.running import HOSPITAL, SIGNING_KEY, Running
from tests.referrals.makers import SNOMED, request
from tests.referrals.pipes import message

SYSTEM = "urn:hospital"
MANY = 5


def fresh(**changes: Any) -> dict[str, Any]:
    """A referral that was never sent before."""
    return request(f"N-{uuid4()}", **changes)


def number_of(body: Any) -> str:
    """The hospital's own number of a referral."""
    return str(body["identifier"][0]["value"])


def fhirpy(service: Running) -> SyncFHIRClient:
    """The client as its page shows it."""
    return SyncFHIRClient(service.fhir, authorization=service.authorization)


def test_fhirpy_refers_reads_and_searches(service: Running) -> None:
    client, body = fhirpy(service), fresh()

    made = client.resource("ServiceRequest", **body).create()
    again = client.resource("ServiceRequest", **body).create()
    read = client.reference("Task", made.id).to_resource()
    found = client.resources("Task").search(identifier=f"{SYSTEM}|{number_of(body)}").include("Task", "focus").fetch()
    known = client.resources("ServiceRequest").search(_id=made.id).first()

    assert again.id == made.id == read.id == known.id
    assert (read.status, read.get_by_path(["businessStatus", "coding", 0, "code"])) == ("accepted", "accepted")
    assert [each.id for each in found] == [made.id]


def test_fhirpy_creates_conditionally_once(service: Running) -> None:
    client, body = fhirpy(service), fresh()
    wanted = client.resources("ServiceRequest").search(identifier=f"{SYSTEM}|{number_of(body)}")

    first, new = wanted.get_or_create(client.resource("ServiceRequest", **body))
    second, new_again = wanted.get_or_create(client.resource("ServiceRequest", **body))

    assert (new, new_again, second.id) == (True, False, first.id)


def test_fhirpy_follows_the_pages_of_a_search(service: Running) -> None:
    client = fhirpy(service)
    made = {client.resource("ServiceRequest", **fresh()).create().id for _ in range(MANY)}

    found = client.resources("Task").limit(2).fetch_all()

    assert made <= {each.id for each in found}


def test_fhirpy_takes_a_referral_back_by_a_whole_task_and_by_a_patch(service: Running) -> None:
    client = fhirpy(service)
    one, other = (client.resource("ServiceRequest", **fresh()).create() for _ in range(2))

    task = client.reference("Task", one.id).to_resource()
    task["status"] = "cancelled"
    task.save()
    patched = client.patch("Task", other.id, status="entered-in-error")

    assert client.reference("Task", one.id).to_resource().status == "cancelled"
    assert patched["status"] == client.reference("Task", other.id).to_resource().status == "entered-in-error"


def test_fhirpy_is_told_what_is_wrong_in_its_own_errors(service: Running) -> None:
    client = fhirpy(service)

    with pytest.raises(OperationOutcome) as refused:
        client.resource("ServiceRequest", **fresh(status="soon")).create()
    with pytest.raises(ResourceNotFound):
        client.reference("Task", str(uuid4())).to_resource()
    with pytest.raises(AuthorizationError):
        SyncFHIRClient(service.fhir, authorization="Bearer nobody").resources("Task").fetch()

    assert refused.value.resource["issue"][0]["expression"] == ["ServiceRequest.status"]


async def test_fhirpy_does_the_same_without_blocking(service: Running) -> None:
    client, body = AsyncFHIRClient(service.fhir, authorization=service.authorization), fresh()
    wanted = client.resources("ServiceRequest").search(identifier=f"{SYSTEM}|{number_of(body)}")

    made, new = await wanted.get_or_create(client.resource("ServiceRequest", **body))
    paged = [each.id async for each in client.resources("Task").limit(2)]
    task = await client.reference("Task", made.id).to_resource()
    task["status"] = "cancelled"
    await task.save()
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(fresh()), _entry(fresh())]}
    answered = await client.execute("", data=bundle)

    assert new and made.id in paged
    assert (await client.reference("Task", made.id).to_resource())["status"] == "cancelled"
    assert [each["response"]["status"][:3] for each in answered["entry"]] == ["201", "201"]


def _entry(body: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": f"urn:uuid:{uuid4()}", "resource": body, "request": {"method": "POST", "url": "ServiceRequest"}}


@pytest.fixture
def smart(service: Running) -> fhirclient.client.FHIRClient:
    """The SMART client, which finds the token endpoint by itself and signs in as a backend service."""
    told = {
        "iss": HOSPITAL,
        "sub": HOSPITAL,
        "aud": f"{service.url}/auth/token",
        "jti": str(uuid4()),
        "exp": real() + timedelta(minutes=4),
    }
    assertion = jwt.encode(told, SIGNING_KEY, "ES384", headers={"kid": "ec"})
    scope = "system/ServiceRequest.crs system/Task.crus"
    settings = {"app_id": HOSPITAL, "api_base": service.fhir, "jwt_token": assertion, "scope": scope}
    client = fhirclient.client.FHIRClient(settings=settings)
    client.prepare()
    client.authorize()
    assert client.ready
    return client


def test_fhirclient_refers_and_follows_its_task(smart: fhirclient.client.FHIRClient) -> None:
    body = fresh()

    made = ServiceRequest(body).create(smart.server)
    read = Task.read(made["id"], smart.server)
    found = Task.where({"identifier": f"{SYSTEM}|{number_of(body)}", "_include": "Task:focus"}).perform(smart.server)

    assert read.status == "accepted"
    assert {each.resource.resource_type for each in found.entry} == {"Task", "ServiceRequest"}


def test_fhirclient_follows_the_pages_of_a_search(smart: fhirclient.client.FHIRClient) -> None:
    made = {ServiceRequest(fresh()).create(smart.server)["id"] for _ in range(MANY)}

    found = {each.id for each in Task.where({"_count": "2"}).perform_resources_iter(smart.server)}

    assert made <= found


def test_fhirclient_takes_a_referral_back(smart: fhirclient.client.FHIRClient) -> None:
    made = ServiceRequest(fresh()).create(smart.server)
    task = Task.read(made["id"], smart.server)

    task.status = "cancelled"
    task.update(smart.server)

    assert Task.read(made["id"], smart.server).status == "cancelled"


def mllp_send(service: Running, file: Path, *options: str) -> list[hl7.Message]:
    """What `mllp_send` of the package hl7 prints: the answers, one after another."""
    command = [str(Path(sys.executable).with_name("mllp_send")), "--port", str(service.mllp_port), "-f", str(file)]
    sent = subprocess.run([*command, *options, "127.0.0.1"], capture_output=True, timeout=60, check=True)
    answers = sent.stdout.decode().replace("\x0b", "").split("\x1c\r")
    return [hl7.parse(each.strip("\n")) for each in answers if each.strip()]


def test_mllp_send_refers_and_is_acknowledged(service: Running, tmp_path: Path) -> None:
    number = str(uuid4().int)[:12]
    (tmp_path / "one.hl7").write_bytes(message(RF1=f"RF1|P|R|PSY|||{number}"))

    (answer,) = mllp_send(service, tmp_path / "one.hl7", "--loose")

    assert str(answer.segment("MSA")[1]) == "AA"
    found = fhirpy(service).resources("Task").search(identifier=number).fetch()
    assert len(found) == 1


def test_mllp_send_is_told_where_a_message_is_wrong(service: Running, tmp_path: Path) -> None:
    (tmp_path / "wrong.hl7").write_bytes(b"\x0bMSH|^~\\&|A|B|C|D|20260302||REF^I12|1|P|2.5\rPID|1\r\x1c\r")

    (answer,) = mllp_send(service, tmp_path / "wrong.hl7")

    assert str(answer.segment("MSA")[1]) in ("AE", "AR")
    assert answer.segments("ERR")


def test_a_referral_of_each_client_is_answered_the_same(service: Running, smart: fhirclient.client.FHIRClient) -> None:
    body = fresh(code={"coding": [{"system": SNOMED, "code": "461481000124109"}]})

    by_one = fhirpy(service).resource("ServiceRequest", **body).create()
    by_other = ServiceRequest(json.loads(json.dumps(body))).create(smart.server)

    assert by_one.id == by_other["id"]
