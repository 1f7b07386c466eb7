"""The programme file: what is wrong in it is said when it is read, never found out by a handler."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.programme import Programme, hash_key

Change = dict[str, Any]
SITE: Change = {"site_id": "main", "public_name": "Main office", "phone": "555-0100"}
HOSPITAL: Change = {"organisation_id": "hospital", "name": "Hospital", "kind": "hospital", "site_id": "main"}


def written(folder: Path, *, site: Change, organisation: Change, **others: Any) -> Path:
    """A programme file of one site and one organisation, each changed."""
    content = {"sites": {"main": {**SITE, **site}}, "organisations": {"hospital": {**HOSPITAL, **organisation}}}
    path = folder / "programme.json"
    path.write_text(json.dumps({**content, **others}))
    return path


def test_a_file_that_says_the_least_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, site={}, organisation={})

    programme = Programme.read(path)

    assert programme.site("main").opens == "09:00"
    assert Programme.model_validate_json(programme.model_dump_json()) == programme


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("opens", "9am"),
        ("opens", "9:00"),
        ("closes", "24:00"),
        ("closes", "17:00\n"),
        ("workdays", [9]),
        ("workdays", []),
        ("holidays", ["someday"]),
        ("zone", "Somewhere/Else"),
        ("languages", []),
        ("emergency_words", {}),
        ("emergency_words", {"en": " "}),
        ("public_name", ""),
        ("phone", " "),
        ("region", "usa"),
        ("on_calls", "https://pager"),
    ],
)
def test_a_site_with_a_wrong_field_is_refused_where_it_is_wrong(tmp_path: Path, field: str, value: object) -> None:
    path = written(tmp_path, site={field: value}, organisation={})

    with pytest.raises(ValueError, match=rf"programme\.json, sites\.main\.{field}"):
        Programme.read(path)


HOURS = {"en": "Each day"}


@pytest.mark.parametrize(
    ("step_in", "said"),
    [
        ({"warm_line": {"hours": HOURS}}, "warm_line.phone must be the number that is rung"),
        ({"drop_in": {"hours": HOURS, "phone": "555-0100"}}, "drop_in.place must say where it is"),
        ({"group": {"hours": HOURS}}, "group must say its place, or the phone to ask at"),
    ],
)
def test_what_people_may_begin_with_says_how_to_get_there(tmp_path: Path, step_in: Change, said: str) -> None:
    path = written(tmp_path, site={"step_in": step_in}, organisation={})

    with pytest.raises(ValueError, match=rf"sites\.main\.step_in: {said}"):
        Programme.read(path)


@pytest.mark.parametrize("name", ["hospital", "nobody"])
def test_people_ask_for_themselves_in_the_name_of_an_agency_only(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, site={}, organisation={}, self_referral={"organisation_id": name})

    with pytest.raises(ValueError, match=r"self_referral\.organisation_id must be an organisation of kind agency"):
        Programme.read(path)


def test_a_site_that_closes_before_it_opens_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, site={"opens": "17:00", "closes": "09:00"}, organisation={})

    with pytest.raises(ValueError, match=r"sites\.main: closes must be later than opens"):
        Programme.read(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organisation_id", "Not A Word"),
        ("organisation_id", "clinic"),
        ("site_id", "elsewhere"),
        ("site_id", ""),
        ("kind", "shop"),
        ("key_hashes", ["alk_hospital_the-key-itself"]),
    ],
)
def test_an_organisation_with_a_wrong_field_is_refused_where_it_is_wrong(
    tmp_path: Path, field: str, value: object
) -> None:
    path = written(tmp_path, site={}, organisation={field: value})

    with pytest.raises(ValueError, match=rf"organisations\.hospital\.{field}") as refused:
        Programme.read(path)

    assert "the-key-itself" not in str(refused.value)


def test_a_programme_without_a_site_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, site={}, organisation={}, sites={})

    with pytest.raises(ValueError, match=r"programme\.json, sites: "):
        Programme.read(path)


def test_a_site_under_another_sites_name_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, site={}, organisation={"site_id": None}, sites={"north": SITE})

    with pytest.raises(ValueError, match=r"sites\.north\.site_id must be the name it stands under"):
        Programme.read(path)


def test_nobodys_site_is_the_first_and_an_unknown_one_is_no_site(tmp_path: Path) -> None:
    programme = Programme.read(written(tmp_path, site={}, organisation={}))

    assert programme.site(None).site_id == "main"
    for unknown in ("elsewhere", ""):
        with pytest.raises(KeyError):
            programme.site(unknown)


NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_a_key_that_was_replaced_works_until_its_end_and_its_successor_goes_on(tmp_path: Path) -> None:
    keys = {"key_hashes": [hash_key("old"), hash_key("new")], "key_ends": {hash_key("old"): NOON.isoformat()}}
    programme = Programme.read(written(tmp_path, site={}, organisation=keys))
    hospital = programme.organisations["hospital"]

    before, after = NOON - timedelta(seconds=1), NOON

    assert [programme.holder_of("old", at=each) for each in (before, after)] == [hospital, None]
    assert [programme.holder_of("new", at=each) for each in (before, after)] == [hospital, hospital]


@pytest.mark.parametrize(
    ("field", "value"),
    [("key_ends", {"not a digest": NOON.isoformat()}), ("key_ends", {"0" * 64: "2026-01-05T12:00:00"})],
)
def test_an_end_of_a_key_names_a_digest_and_a_time_with_its_zone(tmp_path: Path, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"organisations\.hospital\.{field}"):
        Programme.read(written(tmp_path, site={}, organisation={field: value}))


def test_whoever_holds_a_programme_sees_the_organisations_of_a_newer_one(tmp_path: Path) -> None:
    held = Programme.read(written(tmp_path, site={}, organisation={}))
    newer = Programme.read(written(tmp_path, site={}, organisation={"suspended": True}))

    held.adopt(newer)

    assert held.organisations["hospital"].suspended
    assert held == newer


@pytest.mark.parametrize(
    ("site", "organisation", "words"),
    [
        ({}, {"organisation_id": "clinic"}, "organisations.hospital is missing"),
        ({}, {"kind": "clinic"}, "organisations.hospital.kind has changed"),
        ({"site_id": "north"}, {"site_id": "north"}, "organisations.hospital.site_id is new"),
    ],
)
def test_what_cannot_change_while_services_run_is_told_and_changes_nothing(
    tmp_path: Path, site: Change, organisation: Change, words: str
) -> None:
    held = Programme.read(written(tmp_path, site={}, organisation={}))
    before = held.model_copy(deep=True)
    place, name = {**SITE, **site}, {**HOSPITAL, **organisation}
    newer = Programme.model_validate(
        {"sites": {place["site_id"]: place}, "organisations": {name["organisation_id"]: name}}
    )

    with pytest.raises(ValueError, match=words):
        held.adopt(newer)

    assert held == before
