"""What one post may hold: enough for every real partner, never so much that it stops others."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from services.referrals.fhir.links import Found, Links
from services.referrals.fhir.outcome import Refused
from services.referrals.fhir.request import order_of
from services.referrals.reading import OURS, read
from shared.events.referrals import ConsentGiven, ContactShared, ReferralAccepted
from shared.mailbox.tables import outbox
from tests.referrals.makers import KEYS, Desk, bundle, consent, extension, order, patient, person, request

ANA = "urn:uuid:ana"
LARGEST_FACT = 128 * 1024


def emails(count: int) -> list[dict[str, Any]]:
    """Ways to reach somebody, as long as they may be."""
    return [{"system": "email", "value": f"{index:03}{'é' * 60}@{'é' * 130}.org"} for index in range(count)]


def actors(count: int) -> list[dict[str, Any]]:
    """Recipients of a consent, as long as they may be."""
    return [{"reference": {"display": f"{index:03}{'😀' * 197}"}} for index in range(count)]


def asked(number: int, **changes: Any) -> dict[str, Any]:
    """A request about the Ana of its Bundle."""
    return request(f"R-{number}", subject={"reference": ANA}, contained=[], **changes)


def agreeing(**provision: Any) -> dict[str, Any]:
    """Ana's consent, in a Bundle."""
    return consent(patient={"reference": ANA}, provision={"type": "permit", **provision})


def many(count: int, **changes: Any) -> list[dict[str, Any]]:
    """The same resource again and again."""
    return [dict(changes) for _ in range(count)]


@pytest.mark.parametrize(
    ("entries", "place", "remedy"),
    [
        ([patient(_as=ANA, telecom=emails(51)), asked(1)], "Bundle.entry[0].resource.telecom", "send at most 50"),
        (
            [patient(_as=ANA), asked(1), agreeing(actor=actors(51))],
            "Bundle.entry[2].resource.provision.actor",
            "send at most 50",
        ),
        (
            [patient(_as=ANA), asked(1), *many(21, **agreeing())],
            "Bundle.entry[1].resource",
            "let at most 20 Consents that are in force come along",
        ),
        (
            [patient(_as=ANA), asked(1, reasonCode=[{"text": "low"}] * 101)],
            "Bundle.entry[1].resource.reasonCode",
            "send at most 100",
        ),
        (
            [patient(_as=ANA), asked(1, note=[{"text": "x" * 20_001}])],
            "Bundle.entry[1].resource.note[0].text",
            "send at most 20,000 characters",
        ),
    ],
)
async def test_says_how_much_of_a_kind_may_come(desk: Desk, entries: list[Any], place: str, remedy: str) -> None:
    answer = await desk.refer(bundle(*entries), path="/fhir")

    (issue,) = answer.json()["issue"]
    assert (answer.status_code, issue["code"]) == (422, "too-long")
    assert (issue["expression"], issue["diagnostics"]) == ([place], f"{place}: {remedy}")


async def test_says_nothing_too_large_to_carry_of_the_largest_referral(desk: Desk) -> None:
    everything = [patient(_as=ANA, telecom=emails(50)), asked(1), *many(3, **agreeing(actor=actors(50)))]

    answer = await desk.refer(bundle(*everything), path="/fhir")

    assert answer.status_code == 200, answer.text
    (contact,) = await desk.said(ContactShared)
    assert len(contact.reaches) == 50
    assert [len(each.recipients) for each in await desk.said(ConsentGiven)][:3] == [50] * 3
    async with desk.service.database.reading() as db:
        assert await db.scalar(select(func.max(func.length(outbox.c.body)))) < LARGEST_FACT


async def test_takes_much_that_is_not_read_and_answers_to_many_questions(desk: Desk) -> None:
    unread = [{"resourceType": "Basic", "code": {"text": "x" * 200}} for _ in range(1500)]
    answers = [{"linkId": f"/q{index}", "answer": [{"valueInteger": 1}]} for index in range(2000)]
    form = {"resourceType": "QuestionnaireResponse", "subject": {"reference": ANA}, "item": answers}

    answer = await desk.refer(bundle(patient(_as=ANA), asked(1), form, *unread), path="/fhir")

    assert answer.status_code == 200, answer.text


def work(raw: bytes) -> int:
    """How many lines it takes to read a post: a measure that is the same on every machine."""
    lines, before = 0, sys.gettrace()

    def count(*_: Any) -> Any:
        nonlocal lines
        lines += 1
        return count

    sys.settrace(count)
    try:
        read(raw)
    finally:
        sys.settrace(before)
    return lines


def raw(*entries: dict[str, Any]) -> bytes:
    """A Bundle about Ana, as bytes."""
    return json.dumps(bundle(patient(_as=ANA), *entries)).encode()


def form(size: int) -> bytes:
    """Requests, as many, that share one long questionnaire."""
    items = [{"linkId": f"/q{each}", "answer": [{"valueInteger": 1}]} for each in range(10 * size)]
    shared = {"resourceType": "QuestionnaireResponse", "subject": {"reference": ANA}, "item": items}
    return raw(shared, *map(asked, range(size)))


def resources(kind: str, **member: Any) -> Callable[[int], bytes]:
    """Requests, as many, beside resources of a kind."""
    return lambda size: raw(*({"resourceType": kind, **member} for _ in range(10 * size)), *map(asked, range(size)))


def strangers(size: int) -> bytes:
    """Requests, as many, and observations about Ana, in a Bundle with somebody else."""
    seen = {"resourceType": "Observation", "subject": {"reference": ANA}}
    return raw(patient(_as="urn:uuid:bo", id="bo"), *many(10 * size, **seen), *map(asked, range(size)))


SHARED: list[tuple[str, Callable[[int], bytes]]] = [
    ("a long questionnaire", form),
    ("conditions nobody names", resources("Condition", code={"text": "low"})),
    ("observations about nobody", resources("Observation", code={"text": "low"})),
    ("observations about one of two", strangers),
    ("encounters", resources("Encounter", subject={"reference": ANA}, period={"end": "2026-02-01"})),
]


@pytest.mark.parametrize("post", [each[1] for each in SHARED], ids=[each[0] for each in SHARED])
def test_reads_what_requests_share_once_for_all_of_them(post: Callable[[int], bytes]) -> None:
    small, large = work(post(20)), work(post(40))

    assert large < 2.6 * small


def test_compares_no_way_to_reach_somebody_with_every_other() -> None:
    def reached(count: int) -> bytes:
        return raw(asked(1)).replace(
            b'"telecom": [', b'"telecom": [' + json.dumps(emails(count))[1:-1].encode() + b", "
        )

    least, some, twice = (work(reached(count)) for count in (1, 20, 40))

    assert twice - least < 2.6 * (some - least)


def test_reads_a_resource_once_however_often_it_is_asked_for() -> None:
    read_as: list[str] = []
    found = Found("Basic", "Bundle.entry[0].resource", {"subject": {"reference": "Patient/1"}}, ("Basic/1",))
    ana = Found("Patient", "Bundle.entry[1].resource", {}, ("Patient/1",))

    def reader(each: Found) -> str:
        read_as.append(each.path)
        return each.kind

    beyond = Links([found, ana])
    told = [Links([], beyond).told("Basic", "subject", ana, reader) for _ in range(3)]

    assert (told, read_as) == ([["Basic"]] * 3, [found.path])


def test_refuses_requests_that_share_more_words_than_people_can_read() -> None:
    why = {"_as": "urn:uuid:why", "resourceType": "Condition", "code": {"coding": [{"display": "x" * 19_000}] * 20}}

    with pytest.raises(Refused) as refused:
        read(raw(why, *(asked(each, reasonReference=[{"reference": "urn:uuid:why"}]) for each in range(10))))

    assert refused.value.issues[0].code == "too-long"


def test_tells_apart_what_is_about_whom_in_a_bundle_of_two() -> None:
    flagged = {"resourceType": "Observation", "code": {"coding": [{"system": "http://loinc.org", "code": "93246-7"}]}}
    entries = bundle(
        patient(_as=ANA),
        patient(_as="urn:uuid:bo", id="bo"),
        {**flagged, "subject": {"reference": "Patient/bo"}, "valueBoolean": True},
        asked(1),
        request("R-2", subject={"reference": "urn:uuid:bo"}, contained=[]),
        request("R-3"),
        {**flagged, "subject": {"reference": "#ana"}, "valueBoolean": True},
    )

    found = [each.order.risk for each in read(json.dumps(entries).encode()).posted]

    assert found == ["none", "flagged", "flagged"]


def test_reads_a_request_alone_as_it_reads_one_in_a_bundle() -> None:
    alone = order_of(Found("ServiceRequest", "ServiceRequest", request(), ()), Links([]))
    (together,) = read(json.dumps(bundle(request())).encode()).posted

    assert alone == together.order


@pytest.mark.parametrize(
    ("changes", "place", "remedy"),
    [
        ({"needs": {"challenges": ["depression", "Ana Example"]}}, "needs.challenges[1]", "use one of adhd, alcohol, "),
        ({"needs": {"life_tags": ["Ana Example"]}}, "needs.life_tags[0]", "use one of bereavement, "),
        ({"needs": {"pathway": "Ana Example"}}, "needs.pathway", "use one of faith, "),
        ({"needs": {"challange": ["depression"]}}, "needs", "leave out members that are not part of this schema"),
        ({"preferences": {"gender": "Ana Example"}}, "preferences.gender", "use one of man, nonbinary, woman"),
        ({"preferences": {"communities": ["Ana"]}}, "preferences.communities[0]", "use one of asian, "),
        ({"preferences": {"languages": ["Spanish"]}}, "preferences.languages[0]", "write a language as two or three"),
        ({"person": person(languages=["Spanish"])}, "person.languages[0]", "write a language as two or three"),
        ({"person": person(reaches=person()["reaches"] * 51)}, "person.reaches", "send at most 50"),
        ({"consents": [{"recipients": ["x"] * 51}]}, "consents[0].recipients", "send at most 50"),
        ({"consents": [{}] * 21}, "consents", "send at most 20"),
        ({"notes": ["x"] * 1001}, "notes", "send at most 1,000"),
        ({"authored_at": "0001-01-01T00:00:00+14:00"}, "authored_at", "an instant lies between"),
        (
            {"consents": [{"signed_at": "0001-01-01T00:00:00+14:00"}]},
            "consents[0].signed_at",
            "an instant lies between",
        ),
        ({"consents": [{"expires_at": "9999-12-31T23:59:59-14:00"}]}, "consents[0].expires_at", "an instant lies"),
    ],
)
async def test_refuses_in_our_own_words_what_no_fact_may_carry(
    desk: Desk, changes: dict[str, Any], place: str, remedy: str
) -> None:
    words = order().model_dump(mode="json", exclude_none=True, exclude_defaults=True) | changes

    await desk.post_on_bus(words, media=OURS)

    (told,) = await desk.told()
    (issue,) = told["issue"]
    assert issue["expression"][0].removesuffix(".challange") == f"ReferralOrder.{place}"
    assert remedy in issue["diagnostics"] and "Ana" not in json.dumps(told)
    assert await desk.said(ReferralAccepted) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"authoredOn": "0001-01-01T00:00:00+14:00"}, "ServiceRequest.authoredOn"),
        (
            {"contained": [patient(), consent(dateTime="0001-01-01T00:00:00+14:00")]},
            "ServiceRequest.contained[1].dateTime",
        ),
        (
            {"contained": [patient(), consent(provision={"period": {"end": "9999-12-31T23:59:59-14:00"}})]},
            "ServiceRequest.contained[1].provision.period.end",
        ),
    ],
)
async def test_refuses_in_fhir_an_instant_that_utc_does_not_have(desk: Desk, changes: Any, place: str) -> None:
    answer = await desk.refer(request(**changes))
    await desk.post_on_bus(request(**changes))

    (told,) = await desk.told()
    assert answer.status_code == 422
    assert [each["issue"][0]["expression"] for each in (answer.json(), told)] == [[place], [place]]


async def test_takes_a_consent_for_ever_and_one_from_the_first_day(desk: Desk) -> None:
    ever = consent(dateTime="0001-01-01T00:00:00Z", provision={"period": {"end": "9999-12-31T23:59:59Z"}})

    await desk.referred(request(contained=[patient(), ever]))

    given = [each for each in await desk.said(ConsentGiven) if each.expires_at]
    assert [(each.signed_at.year, each.expires_at.year) for each in given] == [(1, 9999)]


async def test_keeps_codes_of_fhir_that_nobody_knows_yet(desk: Desk) -> None:
    await desk.referred(request(extension=[*request()["extension"], extension("need-life-tag", valueCode="Beekeeper")]))

    (accepted,) = await desk.said(ReferralAccepted)
    assert accepted.needs.life_tags == ["beekeeper"]


@pytest.mark.parametrize("path", ["/auth/token", "/ask", "/directory/none/end", "/fhir/ServiceRequest"])
async def test_who_hangs_up_in_the_middle_of_a_body_is_no_fault_of_ours(small: Desk, path: str) -> None:
    heads = {
        "host": "x",
        "content-length": "5000",
        "content-type": "application/json",
        "authorization": f"Bearer {KEYS['general-hospital']}",
    }
    parts = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    answers: list[Any] = []

    async def receive() -> Any:
        return next(parts)

    async def send(part: Any) -> None:
        answers.append(part)

    raw = [(name.encode(), each.encode()) for name, each in heads.items()]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    await small.service.http({**scope, "headers": raw, "http_version": "1.1", "scheme": "http"}, receive, send)

    assert 400 <= answers[0]["status"] < 500
