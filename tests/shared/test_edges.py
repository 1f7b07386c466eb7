"""What every edge shares: strict JSON, sealed columns, callers, business hours, consent."""

import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared import sealed, strict_json
from shared.calendar import add_business_days, add_business_hours, business_days_between, local
from shared.disclosure import Consent, may_disclose
from shared.edge import StrictRequest
from shared.events.fact import Instant
from shared.programme import Organisation, Programme, Site, hash_key, new_key

NEW_YORK = Site(site_id="ny", public_name="Main office", phone="555-0100", holidays=[date(2026, 1, 19)])
FRIDAY_AT_FOUR = datetime(2026, 1, 16, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'{"a": 99999999999999999999999}',
        b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a": "\\n", "b": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"\xc3\xa9[[[": ' + b"[" * 40 + b"]" * 40 + b"}",
        b"{" * 100_000,
        b'{"a": "\xff"}',
        b'{"a": 1',
        b'"' + b"x" * 70_000 + b'"',
        b"",
    ],
)
def test_refuses_what_python_would_let_through(raw: bytes) -> None:
    with pytest.raises(strict_json.Malformed) as refused:
        strict_json.parse(raw)

    assert refused.value.where and refused.value.remedy


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b'{"person": {"name": "\\u0000"}}', "$.person.name"),
        (b'{"people": [{"Robin Example 555": "\\u0000"}]}', "$.people[0].*"),
        (b'{"' + b"x" * 5000 + b'": "\\u0000"}', "$.*"),
    ],
)
def test_tells_a_place_without_names_that_no_schema_has(raw: bytes, where: str) -> None:
    with pytest.raises(strict_json.Malformed) as refused:
        strict_json.parse(raw)

    assert refused.value.where == where


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_an_instant_outside_the_calendar_is_refused_like_any_wrong_value(edge: str) -> None:
    with pytest.raises(ValidationError, match="between the years 1 and 9999"):
        TypeAdapter(Instant).validate_python(edge)


@given(st.recursive(st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("abc é", max_size=5), st.lists))
def test_reads_ordinary_json_as_it_was_written(value: object) -> None:
    import json

    assert strict_json.parse(json.dumps(value).encode(), depth=1000) == value


@given(st.binary(max_size=200))
def test_answers_any_bytes_with_a_value_or_a_clear_refusal(raw: bytes) -> None:
    try:
        strict_json.parse(raw)
    except strict_json.Malformed as refused:
        assert refused.remedy


@pytest.mark.parametrize("more", ["", "\n", '"', "é€🙂"])
def test_brackets_in_words_are_no_depth(more: str) -> None:
    said = {"[" * 50 + more: "{" * 50 + more, "b": ["]" * 50, {"c": more + "[" * 50}]}

    assert strict_json.parse(json.dumps(said, ensure_ascii=False).encode(), depth=3) == said
    with pytest.raises(strict_json.Malformed):
        strict_json.parse(json.dumps(said, ensure_ascii=False).encode(), depth=2)


@pytest.mark.parametrize("piece", ["[]", "{}"])
def test_a_document_that_is_all_brackets_is_refused_before_anybody_reads_it(piece: str) -> None:
    most = strict_json.MOST - 1
    assert len(strict_json.parse(f"[{','.join([piece] * most)}]".encode(), limit=1_000_000)) == most

    with pytest.raises(strict_json.Malformed, match="at most 25,000"):
        strict_json.parse(f"[{','.join([piece] * (most + 1))}]".encode(), limit=1_000_000)


async def test_reads_a_body_as_strict_json_only_once() -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b'{"name": "Robin"}', "more_body": False}

    request = StrictRequest({"type": "http", "headers": []}, receive)

    first, second = await request.json(), await request.json()

    assert first == {"name": "Robin"}
    assert second is first


def test_opens_what_is_sealed_only_at_its_own_place() -> None:
    closed = sealed.seal(b"Robin", place="people.name")

    assert b"Robin" not in closed
    assert sealed.unseal(closed, place="people.name") == b"Robin"
    with pytest.raises(sealed.CannotOpen):
        sealed.unseal(closed, place="people.phone")


def test_finds_the_same_person_by_the_same_words_and_nobody_else() -> None:
    assert sealed.lookup("hospital", "M-1") == sealed.lookup("hospital", "M-1")
    assert sealed.lookup("hospital", "M-1") != sealed.lookup("hospitalM", "-1")


def test_opens_what_an_older_key_sealed() -> None:
    closed = sealed.seal(b"Robin", place="people.name")

    sealed.use({"k1": bytes(range(32)), "k2": bytes(32)}, "k2")

    assert sealed.unseal(closed, place="people.name") == b"Robin"


def test_knows_an_organisation_by_its_key_and_keeps_only_the_hash() -> None:
    key = new_key("general-hospital")
    hospital = Organisation(
        organisation_id="general-hospital", name="General", kind="hospital", key_hashes=[hash_key(key)]
    )
    programme = Programme(sites={"ny": NEW_YORK}, organisations={"general-hospital": hospital})

    assert programme.holder_of(key, at=FRIDAY_AT_FOUR) == hospital
    assert programme.holder_of(key + "x", at=FRIDAY_AT_FOUR) is None
    assert key not in programme.model_dump_json()


def test_counts_business_hours_over_a_weekend_and_a_holiday() -> None:
    answer_by = add_business_hours(NEW_YORK, FRIDAY_AT_FOUR, 4)

    assert answer_by == local(date(2026, 1, 20), "12:00", "America/New_York")


def test_counts_business_days_without_weekends_and_holidays() -> None:
    later = FRIDAY_AT_FOUR + timedelta(days=7)

    assert business_days_between(NEW_YORK, FRIDAY_AT_FOUR, later) == 4
    assert add_business_days(NEW_YORK, FRIDAY_AT_FOUR, 1) == local(date(2026, 1, 20), "17:00", "America/New_York")


def test_moves_a_wall_time_that_does_not_exist_forward_and_takes_the_first_of_two() -> None:
    gap = local(date(2026, 3, 8), "02:30", "America/New_York")
    fold = local(date(2026, 11, 1), "01:30", "America/New_York")

    assert gap == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert fold == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def consent(**changes: object) -> Consent:
    said = {
        "consent_id": uuid4(),
        "person_id": uuid4(),
        "discloser": "programme",
        "recipients": frozenset({"referrer"}),
        "purposes": frozenset({"treatment"}),
        "part2": False,
        "signed_at": FRIDAY_AT_FOUR,
    }
    return Consent(**{**said, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"recipients": frozenset({"general-hospital"})}, True),
        ({"recipients": frozenset({"payer"})}, False),
        ({"purposes": frozenset({"payment"})}, False),
        ({"signed_at": FRIDAY_AT_FOUR + timedelta(days=2)}, False),
        ({"expires_at": FRIDAY_AT_FOUR + timedelta(hours=1)}, False),
        ({"revoked_at": FRIDAY_AT_FOUR + timedelta(hours=1)}, False),
    ],
)
def test_tells_only_whom_the_consent_names_for_its_purpose_while_it_runs(
    changes: dict[str, object], allowed: bool
) -> None:
    told = may_disclose(
        [consent(**changes)],
        recipient="general-hospital",
        classes=["referrer"],
        purpose="treatment",
        at=FRIDAY_AT_FOUR + timedelta(days=1),
        part2=False,
    )

    assert bool(told) is allowed


def test_part_two_records_need_a_consent_that_covers_them() -> None:
    when = FRIDAY_AT_FOUR + timedelta(days=1)
    asked = {"recipient": "x", "classes": ["referrer"], "purpose": "treatment", "at": when, "part2": True}

    assert may_disclose([consent()], **asked) is None  # type: ignore[arg-type]
    assert may_disclose([consent(part2=True)], **asked) is not None  # type: ignore[arg-type]
