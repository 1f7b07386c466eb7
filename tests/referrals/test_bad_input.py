"""Bad input is refused with its place and the remedy: never a fault of ours, never the value."""

import json
import os
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.referrals.fhir.outcome import Refused
from services.referrals.reading import read
from tests.referrals.makers import Desk, bundle, consent, coverage, extension, patient, request

CANARY = "canary-4711"
ROUNDS = int(os.environ.get("ALONGSIDE_FUZZ_ROUNDS", "150"))


def text(body: Any) -> bytes:
    """JSON as bytes."""
    return json.dumps(body).encode()


DEEP = b'{"resourceType": "ServiceRequest", "x": ' + b"[" * 60 + b"]" * 60 + b"}"
BAD: list[tuple[str, bytes, int]] = [
    ("nothing", b"", 400),
    ("not JSON", b"{" + CANARY.encode(), 400),
    ("not an object", b"[1]", 400),
    ("not UTF-8", b'{"resourceType": "\xff"}', 400),
    ("NaN", b'{"resourceType": "ServiceRequest", "x": NaN}', 400),
    ("infinity", b'{"resourceType": "ServiceRequest", "x": 1e999}', 400),
    ("a huge number", b'{"resourceType": "ServiceRequest", "x": ' + b"9" * 5000 + b"}", 400),
    ("half a surrogate pair", b'{"resourceType": "ServiceRequest", "x": "\\ud800"}', 400),
    ("a control character", b'{"resourceType": "ServiceRequest", "x": "\\u0000"}', 400),
    ("the same member twice", b'{"resourceType": "ServiceRequest", "status": "active", "status": "active"}', 400),
    ("too deep", DEEP, 400),
    ("too large", text(request(note=[{"text": "x" * 70_000}])), 413),
    ("another resource", text(patient()), 422),
    ("no resource type", text({"status": "active"}), 422),
    ("a Bundle", text(bundle(request())), 422),
    ("a wrong type", text(request(priority={"very": CANARY})), 422),
    ("an unknown code", text(request(status=CANARY)), 422),
    ("an unknown risk", text(request(extension=[extension("risk", valueCode=CANARY)])), 422),
    ("an unknown site", text(request(extension=[extension("site", valueCode=CANARY)])), 422),
    ("no patient", text(request(subject={"reference": f"Patient/{CANARY}"})), 422),
    ("a wrong zone", text(request(contained=[patient(extension=[extension("timezone", valueCode=CANARY)])])), 422),
]


@pytest.mark.parametrize(("body", "status"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
async def test_answers_bad_input_with_an_outcome_that_helps(small: Desk, body: bytes, status: int) -> None:
    answer = await small.refer(body)
    await small.post_on_bus(body, media="application/fhir+json")

    assert answer.status_code == status
    (issue, *_) = answer.json()["issue"]
    assert issue["expression"][0] and issue["diagnostics"]
    assert CANARY not in answer.text
    on_bus = [each for each in await small.told() if each["resourceType"] == "OperationOutcome"]
    assert CANARY not in json.dumps(on_bus)
    figures = await small.figures()
    assert figures["referrals_refused"] + figures["referrals_received"] == 2


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (bundle(patient(), type="collection"), "Bundle.type"),
        (bundle(patient()), "Bundle.entry"),
        (bundle(), "Bundle.entry"),
        (
            {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": request()}]},
            "Bundle.entry[0].request",
        ),
        (bundle({"resourceType": "ServiceRequest"}), "Bundle.entry[0].resource.status"),
        (bundle(request() | {"_unless": "name=Ana"}), "Bundle.entry[0].request.ifNoneExist"),
        (bundle(patient(_as="urn:uuid:1"), patient(_as="urn:uuid:1"), request()), "Bundle.entry[1].resource"),
    ],
)
async def test_says_where_a_bundle_is_wrong(small: Desk, body: Any, place: str) -> None:
    answer = await small.refer(body, path="/fhir")

    assert answer.status_code == 422
    assert answer.json()["issue"][0]["expression"] == [place]


async def test_refuses_other_languages_strangers_and_other_doors_in_fhir(small: Desk) -> None:
    xml = await small.refer(request(), headers={"content-type": "application/fhir+xml"})
    stranger = await small.http.post("/fhir/ServiceRequest", content=text(request()))
    wrong_key = await small.refer(request(), headers={"authorization": "Bearer nobody"})
    other = await small.ask("GET", "/fhir/Patient/1")
    method = await small.ask("DELETE", "/fhir/Task/1")
    large = await small.refer(b" " * 1_200_000, path="/fhir")

    answers = (xml, stranger, wrong_key, other, method, large)
    assert [each.status_code for each in answers] == [415, 401, 401, 404, 404, 413]
    assert all(each.json()["resourceType"] == "OperationOutcome" for each in answers)


async def test_speaks_plain_json_to_those_who_ask_for_it(small: Desk) -> None:
    answer = await small.refer(request(), headers={"content-type": "application/json", "accept": "application/json"})

    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")


async def test_refuses_unknown_members_of_our_own_words_without_repeating_them(small: Desk) -> None:
    await small.post_on_bus({"person": {}, CANARY: 1, "risk": CANARY})

    (told,) = await small.told()
    assert {each["expression"][0] for each in told["issue"]} == {"ReferralOrder.*", "ReferralOrder.risk"}
    assert CANARY not in json.dumps(told)


def test_reads_a_megabyte_of_unfinished_quotes_quickly() -> None:
    raw = b'{"resourceType": "Bundle", "x": "' + b'\\"' * 500_000

    with pytest.raises(Refused) as refused:
        read(raw)

    assert refused.value.status == 400


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
VALID = request(contained=[patient(), coverage(), consent()], extension=[extension("risk", valueCode="none")])
PLACES = [(name,) for name in VALID] + [
    ("contained", index, name) for index, each in enumerate(VALID["contained"]) for name in each
]


def spoiled(place: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    """A valid request with junk in one place."""
    body: dict[str, Any] = json.loads(json.dumps(VALID))
    at: Any = body
    for each in place[:-1]:
        at = at[each]
    at[place[-1]] = junk
    return body


async def _never_our_fault(desk: Desk, body: Any) -> None:
    raw = body if isinstance(body, bytes) else text(body)
    answers: list[httpx.Response] = [await desk.refer(raw), await desk.refer(raw, path="/fhir")]
    if isinstance(body, dict):
        answers.append(await desk.refer(bundle(patient(), body | {"resourceType": "ServiceRequest"}), path="/fhir"))
    await desk.post_on_bus(raw)
    for each in answers:
        assert each.status_code < 500, each.text
        assert each.status_code < 300 or each.json()["resourceType"] == "OperationOutcome"


FUZZ = settings(
    max_examples=ROUNDS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FUZZ
@given(place=st.sampled_from(PLACES), junk=JUNK)
async def test_junk_in_any_place_is_never_our_fault(small: Desk, place: tuple[Any, ...], junk: Any) -> None:
    await _never_our_fault(small, spoiled(place, junk))


@FUZZ
@given(body=JUNK | st.binary(max_size=200) | st.dictionaries(st.sampled_from([*VALID]), JUNK))
async def test_junk_altogether_is_never_our_fault(small: Desk, body: Any) -> None:
    await _never_our_fault(small, body)
