"""What the services' OpenAPI documents let anybody send, right and wrong, is answered as promised, never by a fault."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared import clock
from tests.conftest import Migrated
from tests.outside.doors import DOORS, OWN
from tests.outside.house import KEYS, SECRET, House, bearing, opened
from tests.outside.visits import Made, body_for, furnish
from tests.referrals.test_bad_input import JUNK
from tests.scheduling.makers import NOW

ROUNDS = int(os.environ.get("ALONGSIDE_FUZZ_ROUNDS", "150"))
"""How many requests each service is sent; `make storms` wants more."""

RIGHT = {"referrer": "general-hospital", "staff": "agency", "payer": "garden-health"}
BODIES = ("POST", "PUT", "PATCH")
KINDS = ("application/fhir+json", "application/json", "application/json-patch+json", "text/plain")


class Documented:
    """The operations of a service, as its document has them, and how to make requests of them."""

    def __init__(self, house: House, service: str, made: Made) -> None:
        schema = schemathesis.openapi.from_dict(house.services[service].http.openapi())
        self.house, self.service, self.made = house, service, made
        operations = [each.ok() for each in schema.get_all_operations()]
        self.cases = [
            (each, each.as_strategy(generation_mode=mode))
            for each in operations
            for mode in schemathesis.GenerationMode
        ]

    def draw(self, data: st.DataObject) -> tuple[str, requests.PreparedRequest]:
        """This will give a route and a request of it; what it needs may be missing or wrong, or a real thing's id."""
        operation, strategy = data.draw(st.sampled_from(self.cases))
        case = data.draw(strategy)
        if data.draw(st.booleans()):
            case.path_parameters |= {name: self.made.ids.get(name, "x") for name in case.path_parameters}
        told = case.as_transport_kwargs(base_url=f"http://{self.service}")
        if operation.method.upper() in BODIES and (data.draw(st.booleans()) or not list(operation.body)):
            # A route that reads its body itself documents none; and what is right but for one place goes deepest.
            told.pop("json", None)
            told["data"] = json.dumps(self._spoiled(operation.label, data)).encode()
            told["headers"]["content-type"] = data.draw(st.sampled_from(KINDS))
        return operation.label, requests.Request(**told).prepare()

    def _spoiled(self, route: str, data: st.DataObject) -> Any:
        right = body_for(route, self.made).get("json")
        how = data.draw(st.sampled_from(("junk", "right", "right but for one place")))
        if how == "junk" or not isinstance(right, dict):
            return data.draw(JUNK)
        return right if how == "right" else right | {data.draw(st.sampled_from(sorted(right))): data.draw(JUNK)}


@pytest.fixture
async def documented(request: pytest.FixtureRequest, tmp_path: Path, migrated: Migrated) -> AsyncIterator[Documented]:
    """A service, and things behind its doors."""
    clock.step_to(NOW)
    async with opened(tmp_path, migrated) as house:
        yield Documented(house, request.param, await furnish(house))


def rights(service: str, route: str) -> dict[str, str]:
    """Who may use a route."""
    whom = DOORS[service, route]
    if whom == "provider":
        return {"x-inbound-secret": SECRET}
    return bearing(KEYS[RIGHT[whom]]) if whom in RIGHT else {}


def is_as_promised(route: str, answer: httpx.Response) -> bool:
    """Whether an answer is none of our faults, and says what is wrong in a shape that we document."""
    _, _, path = route.partition(" ")
    if answer.status_code >= 500:
        # Nothing is ready without a bus; and nobody here can be paged about danger.
        told = answer.status_code == 503 and (path == "/ready" or '"transient"' in answer.text)
        return told or (path.startswith("/ask") and "911" in answer.text)
    if answer.status_code < 400:
        return True
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if path.startswith("/ask"):
        return kind == "text/html"
    body = answer.json()
    if path.startswith("/fhir"):
        return kind == "application/fhir+json" and body["resourceType"] == "OperationOutcome" and bool(body["issue"])
    if path == "/auth/token" and kind == "application/json":
        return {"error", "error_description"} <= body.keys()
    return kind == "application/problem+json" and body["status"] == answer.status_code and bool(body["title"])


FUZZ = settings(
    max_examples=ROUNDS,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("documented", OWN, indirect=True)
@FUZZ
@given(data=st.data())
async def test_whatever_a_document_allows_is_answered_as_promised(documented: Documented, data: st.DataObject) -> None:
    route, sent = documented.draw(data)
    target, service = urlsplit(str(sent.url)), documented.service
    headers = {name: value for name, value in sent.headers.items() if name.lower() != "authorization"}

    answer = await documented.house.ask(
        service,
        str(sent.method),
        f"{target.path}?{target.query}",
        headers={**headers, **rights(service, route)},
        content=sent.body or b"",
    )

    assert is_as_promised(route, answer), (route, sent.url, sent.body, answer.status_code, answer.text)
