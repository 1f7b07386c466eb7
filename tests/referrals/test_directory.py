"""The programme's own people keep a directory over HTTP, and what they changed stays changed."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.referrals import store
from services.referrals.rules.directory import Entry
from tests.referrals.makers import Desk
from tests.referrals.test_directory_rules import GROUP

PLAIN = {**GROUP, "name": "Walks in the park", "label": {"en": "Walks", "es": "Caminatas"}}
ONLINE = {
    **{name: value for name, value in PLAIN.items() if name not in ("times", "zone", "place")},
    "kind": "online_community",
    "moderation": "Read by two hosts at all hours",
    "crisis_policy": "Hosts give the number 988 and call the site",
    "ages": ["adult", "older_adult"],
}


async def put(desk: Desk, entry: dict[str, Any], *, at: str = "", who: str = "agency") -> httpx.Response:
    """This will put an entry into the directory, under an id of its own unless one is named."""
    return await desk.ask("PUT", f"/directory/{at or uuid4()}", who=who, json=entry)


async def listed(desk: Desk, **query: Any) -> list[dict[str, Any]]:
    """What the directory says."""
    found: list[dict[str, Any]] = (await desk.ask("GET", "/directory", who="agency", params=query)).json()
    return found


async def shipped(desk: Desk, name: str) -> str:
    """The id of an entry that is there from the start."""
    (found,) = [each["entry_id"] for each in await listed(desk) if name in each["entry"]["name"]]
    return str(found)


async def test_an_entry_is_put_changed_and_ended_over_http(desk: Desk) -> None:
    at = str(uuid4())

    answers = [
        await put(desk, PLAIN, at=at),
        await put(desk, PLAIN, at=at),
        await put(desk, PLAIN | {"phone": "+1 212 555 0100"}, at=at),
        await desk.ask("POST", f"/directory/{at}/end", who="agency"),
        await desk.ask("POST", f"/directory/{at}/end", who="agency"),
    ]

    assert [each.status_code for each in answers] == [201, 200, 200, 200, 200]
    assert [each.json().get("outcome") for each in answers[:3]] == ["registered", "known", "changed"]
    assert answers[4].json() == answers[3].json() and answers[3].json()["ended_at"]
    assert at not in [each["entry_id"] for each in await listed(desk)]
    (over,) = await listed(desk, ended=True)
    assert (over["entry_id"], over["kept_by"], over["entry"]["phone"]) == (at, "agency", "+1 212 555 0100")
    again = await put(desk, PLAIN, at=at)
    assert (again.json()["outcome"], again.json()["ended_at"]) == ("changed", None)


async def test_a_directory_of_national_places_is_there_from_the_start(desk: Desk) -> None:
    found = {each["entry"]["name"]: each for each in await listed(desk)}

    assert all(each["kept_by"] is None for each in found.values())
    assert found["Narcotics Anonymous"]["entry"]["part2"] is True
    assert [each["entry"]["phone"] for each in await listed(desk, kind="transport")] == ["211"]


async def test_what_staff_changed_or_ended_is_never_overwritten_by_what_is_shipped(desk: Desk) -> None:
    mha, na = await shipped(desk, "Mental Health America"), await shipped(desk, "Narcotics")
    await put(desk, PLAIN, at=mha)
    await desk.ask("POST", f"/directory/{na}/end", who="agency")

    newer = {UUID(each): Entry.model_validate(PLAIN | {"name": "A newer one"}) for each in (mha, na)}
    async with desk.service.database.reading() as db:
        found = await store.directory_of(db, newer)

    assert found[UUID(mha)].entry.name == "Walks in the park"
    assert found[UUID(na)].ended_at


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"label": {"en": "Staying sober"}}, "body.label.en"),
        ({"link": "http://example.org"}, "body.link"),
        ({"link": "https://example.org/?gclid=1"}, "body.link"),
        ({"zone": "Elm/Street"}, "body.zone"),
        ({"roster": ["Ana"]}, "body.roster"),
    ],
)
async def test_what_is_wrong_is_answered_with_its_place_and_never_kept(
    small: Desk, changes: dict[str, Any], where: str
) -> None:
    before = await listed(small)

    answer = await put(small, PLAIN | changes)

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, where)
    assert answer.json()["errors"][0]["remedy"] and "Ana" not in answer.text
    assert await listed(small) == before


async def test_two_that_people_could_not_tell_apart_are_not_both_kept(desk: Desk) -> None:
    await put(desk, PLAIN)

    answer = await put(desk, PLAIN | {"name": "Other walks"})

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (409, "body.label")


async def test_only_the_programmes_own_people_see_or_change_it(small: Desk) -> None:
    at = await shipped(small, "Mental Health America")

    for who in ("general-hospital", "garden-health"):
        answers = [
            await put(small, PLAIN, who=who),
            await small.ask("GET", "/directory", who=who),
            await small.ask("POST", f"/directory/{at}/end", who=who),
        ]
        assert [each.status_code for each in answers] == [403] * 3


async def test_an_entry_that_is_not_there_cannot_be_ended(small: Desk) -> None:
    answer = await small.ask("POST", f"/directory/{uuid4()}/end", who="agency")

    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (404, "path.entry_id")
