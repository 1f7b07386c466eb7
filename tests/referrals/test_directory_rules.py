"""What an entry of the directory must say, which addresses it may have, and who may be pointed to it."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.referrals.rules.directory import Entry, Listed, directory, twin
from services.referrals.rules.pointing import Unfit, Whom, unfit
from services.referrals.settings import Settings
from shared.neutral import KEPT, neutral
from shared.places import wrongs
from tests.referrals.makers import NOW

TODAY = NOW.date()
GROUP: dict[str, Any] = {
    "kind": "external_group",
    "name": "Tuesday AA at St. Mary",
    "label": {"en": "Elm Street, Tuesdays", "es": "Calle Elm, los martes"},
    "link": "https://www.example.org/groups",
    "place": "12 Elm Street, back door",
    "times": [{"weekday": 1, "start": "18:30", "end": "20:00", "weeks": [2, 4]}],
    "zone": "America/New_York",
    "languages": ["en", "es"],
    "open": False,
}


def entry(**changes: Any) -> Entry:
    """A group that others run, unless told otherwise."""
    return Entry.model_validate({name: value for name, value in (GROUP | changes).items() if value is not None})


def listed(**changes: Any) -> Listed:
    """The same, in the directory."""
    return Listed(entry_id=uuid4(), entry=entry(**changes))


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"label": {"en": "AA on Tuesdays"}}, "label.en", "choose a neutral one"),
    ({"label": {"en": "Elm Street", "es": "Grupo de apoyo"}}, "label.es", "choose a neutral one"),
    ({"label": {"es": "Calle Elm"}}, "label.en", ""),
    ({"place": "Sunrise Recovery House"}, "place", "choose a neutral one"),
    ({"label": {"en": "Methadone clinic"}}, "label.en", "tells of substance use"),
    ({"place": "Narcotics meeting, Elm Street"}, "place", "tells of substance use"),
    ({"link": "http://www.example.org"}, "link", "https address"),
    ({"link": "javascript:alert(1)"}, "link", "https address"),
    ({"link": "//www.example.org"}, "link", "https address"),
    ({"link": "https://"}, "link", "https address"),
    ({"link": "https://www.example.org/" + "x" * 500}, "link", "https address"),
    ({"link": "https://wiki.corp/meetings"}, "link", "name a public host"),
    ({"link": "https://intranet.lan"}, "link", "name a public host"),
    ({"link": "https://kim:secret@example.org"}, "link", "a name or a password"),
    ({"link": "https://127.0.0.1/x"}, "link", "public host"),
    ({"link": "https://[::1]/x"}, "link", "public host"),
    ({"link": "https://2130706433/x"}, "link", "public host"),
    ({"link": "https://intranet/x"}, "link", "public host"),
    ({"link": "https://bit.ly/3x"}, "link", "whoever shortened it"),
    ({"link": "https://example.org/?utm_source=us&page=2"}, "link", "leave out what follows people: utm_source"),
    ({"link": "https://example.org/?FBCLID=1"}, "link", "leave out what follows people: FBCLID"),
    ({"phone": "12"}, "phone", "can be dialled"),
    ({"zone": None}, "", "times need their zone"),
    ({"zone": "Mars/Olympus"}, "zone", "IANA time zone"),
    ({"times": [{"weekday": 1, "start": "20:00", "end": "18:30"}]}, "times[0]", "end must be later"),
    ({"times": [{"weekday": 7, "start": "18:00", "end": "18:30"}]}, "times[0].weekday", ""),
    ({"times": [{"weekday": 1, "start": "18:00", "end": "24:30"}]}, "times[0].end", ""),
    ({"languages": ["klingonese"]}, "languages[0]", "by its code"),
    ({"ages": []}, "ages", ""),
    ({"link": None, "place": None}, "", "say how to reach it"),
    ({"kind": "crisis_line"}, "", "needs the phone"),
    ({"kind": "online_community"}, "", "its moderation and its crisis_policy"),
    ({"kind": "one_to_one"}, "kind", ""),
    ({"capacity": 12}, "capacity", ""),
    ({"roster": []}, "roster", ""),
]


@pytest.mark.parametrize(("changes", "where", "remedy"), WRONG)
def test_a_wrong_entry_is_refused_at_its_place_with_what_to_do(
    changes: dict[str, Any], where: str, remedy: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        entry(**changes)

    (told,) = wrongs(refused.value.errors())
    assert told["where"] == where and remedy in told["remedy"]


def test_an_address_is_kept_as_a_browser_reads_it() -> None:
    written = " https://WWW.Example.org/a b\n/c?page=2#near "

    assert entry(link=written).link == "https://www.example.org/a%20b/c?page=2#near"


def test_what_was_kept_stays_readable_when_fewer_labels_and_addresses_are_taken() -> None:
    kept = GROUP | {"label": {"en": "AA on Elm Street"}, "link": "https://bit.ly/3x"}

    found = Entry.model_validate(kept, context=KEPT)

    assert (found.label.en, found.link) == ("AA on Elm Street", "https://bit.ly/3x")


def test_a_number_of_three_digits_is_dialled_as_it_is() -> None:
    assert entry(phone="988").phone == "988"


@pytest.mark.parametrize(
    ("changes", "protected"),
    [
        ({}, True),
        ({"name": "Narcotics Anonymous"}, True),
        ({"name": "Tuesday group", "for_whom": "people who stopped drinking"}, True),
        ({"name": "Tuesday group", "part2": True}, True),
        ({"name": "Tuesday group"}, False),
    ],
)
def test_what_tells_of_substance_use_is_labelled_whether_it_was_said_or_not(
    changes: dict[str, Any], protected: bool
) -> None:
    assert entry(**changes).part2 is protected


def test_every_entry_that_is_shipped_is_whole_neutral_and_told_from_the_others() -> None:
    shipped = Settings().shipped_directory()
    came = directory(shipped, {})

    names = {each.name for each in shipped.values()}
    assert names >= {"988 Suicide & Crisis Lifeline", "Mental Health America", "Alcoholics Anonymous"}
    assert {each.kind for each in shipped.values()} >= {"crisis_line", "tools", "external_group", "transport"}
    assert [each.name for each in shipped.values() if each.part2] == ["Alcoholics Anonymous", "Narcotics Anonymous"]
    assert [each for each in shipped.values() if not (each.link and each.label.es and neutral(each.label.en))] == []
    assert [each for each in came.values() if twin(each.entry, came, but=each.entry_id)] == []


def test_what_the_programme_put_or_ended_stands_before_what_was_shipped() -> None:
    one, other = uuid4(), uuid4()
    mine = Listed(entry_id=one, entry=entry(name="Ours"), kept_by="agency", ended_at=NOW)

    found = directory({one: entry(), other: entry()}, {one: mine})

    assert found[one] == mine
    assert found[other] == Listed(entry_id=other, entry=entry())


def test_no_two_entries_have_the_same_label_unless_one_is_over() -> None:
    there = listed()
    over = Listed(entry_id=uuid4(), entry=there.entry, ended_at=NOW)
    same = entry(label={"en": "Another", "es": "calle elm, los MARTES"})

    assert twin(same, {there.entry_id: there}, but=uuid4()) == there
    assert twin(same, {there.entry_id: there}, but=there.entry_id) is None
    assert twin(same, {over.entry_id: over}, but=uuid4()) is None


ADULT, YOUNG = date(1990, 5, 6), date(2012, 5, 6)
LINE = {"kind": "crisis_line", "phone": "988", "ages": ["12-14", "adult"]}


@pytest.mark.parametrize(
    ("changes", "whom", "why"),
    [
        ({}, {}, None),
        ({}, {"in_danger": True}, "in_danger"),
        ({"kind": "warm_line", "phone": "2125550100"}, {"in_danger": True}, "in_danger"),
        (LINE, {"in_danger": True}, None),
        ({}, {"status": "withdrawn"}, "taken_back"),
        ({}, {"status": "entered_in_error"}, "taken_back"),
        ({}, {"birth_date": YOUNG}, "age"),
        ({"ages": ["12-14"]}, {"birth_date": YOUNG}, None),
        ({}, {"birth_date": None}, None),
    ],
)
def test_nobody_is_pointed_to_what_is_not_for_them_now(
    changes: dict[str, Any], whom: dict[str, Any], why: Unfit | None
) -> None:
    somebody = Whom(**{"status": "active", "in_danger": False, "birth_date": ADULT} | whom)

    assert unfit(listed(**changes), somebody, today=TODAY) == why


def test_nobody_is_pointed_to_what_is_over() -> None:
    over = Listed(entry_id=UUID(int=1), entry=entry(), ended_at=NOW)

    assert unfit(over, Whom(status="active", in_danger=False, birth_date=ADULT), today=TODAY) == "ended"
