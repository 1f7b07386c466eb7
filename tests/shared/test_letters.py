"""Letters put aside are listed by queue, opened, mended, passed over and replayed in order, by a person who signs."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Text, func, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.premises import EMPTY_PROGRAMME
from shared import names
from shared.database import Database
from shared.events.matching import RoomFreed
from shared.events.referrals import ContactShared, RiskCleared
from shared.mailbox import Ingested, gate, mending, queues
from shared.mailbox.aside import PAUSES
from shared.mailbox.letter import Letter, write
from shared.mailbox.tables import heard, inbox, letter_acts, letters, outbox
from shared.programme import Organisation, Programme, hash_key
from shared.service import Service
from shared.settings import ServiceSettings
from tests.shared.parties import a_letter, change, note, noted, rows, with_a_diary

KEY, OTHER = "the programme's key", "a hospital's key"
PROGRAMME = Programme(
    sites=EMPTY_PROGRAMME.sites,
    organisations={
        "programme": Organisation(organisation_id="programme", name="Us", kind="agency", key_hashes=[hash_key(KEY)]),
        "eastside": Organisation(
            organisation_id="eastside", name="Eastside", kind="community", key_hashes=[hash_key(OTHER)]
        ),
    },
)
SIGNED = {"by": "Robin", "reason": "asked by Sam"}
SPOILT, CLEAN = "spoilt", "clean"
TREATED = "meanwhile it was treated by somebody else"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
HEARD = "matching-on-referrals-0of1"


class Settings(ServiceSettings, service="matching"):
    """A service with nothing of its own."""


class Interrupted(Database):
    """A database beside which something else happens, between two of its transactions or views."""

    after = 0
    meanwhile: Callable[[], Awaitable[Any]] | None = None

    def interrupt(self, after: int, meanwhile: Callable[[], Awaitable[Any]]) -> None:
        """Let it happen when so many transactions and views from now have ended."""
        self.after, self.meanwhile = after, meanwhile

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """The same transaction, whatever becomes of it, with the interruption behind it."""
        try:
            async with super().transaction() as db:
                yield db
        finally:
            await self._ended()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """The same view, with the interruption behind it."""
        async with super().reading() as db:
            yield db
        await self._ended()

    async def _ended(self) -> None:
        self.after -= 1
        if self.after == 0 and (happens := self.meanwhile):
            await happens()


class Desk:
    """A service whose handler cannot stand one word, and whoever asks it to mend letters."""

    def __init__(self, database: Database, share: str = "0/1") -> None:
        self.service = Service("matching", Settings(database_url="sqlite://", share=share), PROGRAMME)
        self.service.database = self.service.mailbox.database = database
        self.mailbox, self.minds = self.service.mailbox, True
        self.mailbox.on(RiskCleared, self.hear)
        self.mailbox.on_ingest("supporter", self.take_in)
        transport = httpx.ASGITransport(app=self.service.http)
        headers = {"Authorization": f"Bearer {KEY}"}
        self.http = httpx.AsyncClient(transport=transport, base_url="http://matching", headers=headers)

    async def hear(self, fact: RiskCleared, db: AsyncConnection) -> RoomFreed:
        """Note it and say something; the spoilt word is an error as long as somebody minds."""
        if fact.cleared_by == SPOILT and self.minds:
            raise ZeroDivisionError
        await note(db, fact.cleared_by)
        return RoomFreed(supporter_id=fact.person_id, site_id="main")

    async def mind(self, contact: ContactShared, db: AsyncConnection) -> None:
        """Note whose it is, unless somebody minds."""
        if self.minds:
            raise ZeroDivisionError
        await note(db, contact.first_name or "")

    async def take_in(self, posted: Ingested, db: AsyncConnection) -> None:
        """Note it, unless it is spoilt."""
        if posted.body == SPOILT.encode() and self.minds:
            raise ZeroDivisionError
        await note(db, posted.body.decode())

    async def put_aside(self, *some: Letter, given_up: bool = True) -> None:
        """Let letters come, and what fails be given up."""
        for each in some:
            await self.mailbox.apply_or_put_aside(each, HEARD)
        if given_up:
            async with self.mailbox.database.transaction() as db:
                await db.execute(update(letters).where(letters.c.state == "retrying").values(state="dead", attempts=11))

    async def post(self, letter_id: UUID, what: str, **body: Any) -> httpx.Response:
        """Ask for something to be done with a letter."""
        return await self.http.post(f"/letters/{letter_id}/{what}", json=body)

    async def mend(self, letter: Letter, words: bytes) -> httpx.Response:
        """Put other words in a letter."""
        return await self.post(letter.event_id, "mend", how="body", body=b64encode(words).decode(), **SIGNED)

    async def listed(self) -> list[dict[str, Any]]:
        """What an operator sees."""
        return (await self.http.get("/letters")).raise_for_status().json()["letters"]


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    """A desk with nothing on it."""
    await with_a_diary(database)
    opened = Desk(Interrupted(database.engine, database.path))
    yield opened
    await opened.http.aclose()


async def count(database: Database, table: Any) -> int:
    """How many rows a table has."""
    async with database.reading() as db:
        return int(await db.scalar(select(func.count()).select_from(table)))


async def test_each_queue_is_listed_by_its_first_letter(desk: Desk) -> None:
    person, other = uuid4(), uuid4()
    first = a_letter(person, 1, by=SPOILT)
    early = a_letter(other, 2)
    await desk.put_aside(first, a_letter(person, 2), a_letter(person, 3), early)

    dead, parked = await desk.listed()

    assert (dead["letter_id"], dead["state"], dead["behind"], dead["waits_for"]) == (
        str(first.event_id),
        "dead",
        2,
        None,
    )
    assert dead["error"].startswith("ZeroDivisionError at tests/shared/test_letters.py:") and dead["attempts"] == 11
    assert (parked["letter_id"], parked["state"], parked["waits_for"]) == (str(early.event_id), "parked", 1)
    assert SPOILT not in str(dead)


async def test_a_replay_applies_the_first_and_sets_free_what_waits_behind_it_in_order(desk: Desk) -> None:
    person = uuid4()
    first = a_letter(person, 1, by=SPOILT)
    await desk.put_aside(first, a_letter(person, 2), a_letter(person, 3))
    desk.minds = False

    told = (await desk.post(first.event_id, "replay", **SIGNED)).json()
    while await desk.mailbox.aside.once():
        pass

    assert told == {"letters": 1, "error": "", "next": None}
    assert await noted(desk.mailbox.database) == [SPOILT, "number 2", "number 3"]
    assert await desk.listed() == []


async def test_a_replay_names_the_next_letter_of_the_queue_that_was_given_up_too(desk: Desk) -> None:
    person = uuid4()
    first, second = a_letter(person, 1, by=SPOILT), a_letter(person, 2)
    await desk.put_aside(first, second)
    async with desk.mailbox.database.transaction() as db:
        await db.execute(update(letters).values(state="dead"))
    desk.minds = False

    told = (await desk.post(first.event_id, "replay", **SIGNED)).json()

    assert told["next"] == str(second.event_id)


async def test_a_replay_that_fails_again_keeps_its_error_and_is_not_repeated_by_itself(desk: Desk) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)

    told = (await desk.post(letter.event_id, "replay", **SIGNED)).json()
    while await desk.mailbox.aside.once():
        pass

    assert told["letters"] == 0 and told["error"].startswith("ZeroDivisionError at tests/shared/test_letters.py:")
    assert [each["state"] for each in await desk.listed()] == ["dead"]


@pytest.mark.parametrize(("third", "well"), [(CLEAN, 3), (SPOILT, 2)])
async def test_a_dry_run_rehearses_the_whole_queue_and_leaves_no_trace(desk: Desk, third: str, well: int) -> None:
    person = uuid4()
    first = a_letter(person, 1, by=CLEAN)
    await desk.put_aside(a_letter(person, 2), a_letter(person, 3, by=third))
    await desk.put_aside(a_letter(uuid4(), 1, by=SPOILT))
    async with desk.mailbox.database.transaction() as db:
        await gate.put_aside(db, [first], state="dead")

    told = (await desk.post(first.event_id, "replay", dry_run=True)).json()

    assert told["letters"] == well and bool(told["error"]) == (third == SPOILT)
    for untouched in (outbox, heard):
        assert await count(desk.mailbox.database, untouched) == 0
    assert await noted(desk.mailbox.database) == [] and await count(desk.mailbox.database, letters) == 4


async def test_a_letter_is_not_replayed_before_an_earlier_one_of_its_queue(desk: Desk) -> None:
    person = uuid4()
    behind = a_letter(person, 2)
    await desk.put_aside(a_letter(person, 1, by=SPOILT), behind)

    refused = await desk.post(behind.event_id, "replay", **SIGNED)

    assert refused.status_code == 409
    assert "an earlier letter about the same waits" in refused.json()["title"]


async def test_a_letter_that_waits_for_another_is_not_replayed_until_somebody_begins_with_it(desk: Desk) -> None:
    letter = a_letter(uuid4(), 4)
    await desk.put_aside(letter)

    refused = await desk.post(letter.event_id, "replay", **SIGNED)
    begun = await desk.post(letter.event_id, "mend", how="begin-here", **SIGNED)
    await desk.mailbox.aside.once()

    assert refused.status_code == 409 and "version 1 of referrals has not come" in refused.json()["title"]
    assert begun.status_code == 200
    assert await noted(desk.mailbox.database) == ["number 4"]


async def test_a_letter_is_mended_with_other_words_and_tried_at_once(desk: Desk) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)

    answer = await desk.mend(letter, mended(letter))
    await desk.mailbox.aside.once()

    assert answer.status_code == 200
    assert await noted(desk.mailbox.database) == ["Ana"]
    assert await desk.listed() == []


def mended(letter: Letter) -> bytes:
    """A letter's words without the spoilt one."""
    return letter.body.replace(SPOILT.encode(), b"Ana")


async def test_a_mended_letter_waits_on_for_the_one_before_it_and_may_begin_or_be_opened(desk: Desk) -> None:
    letter = a_letter(uuid4(), 4, by=SPOILT)
    await desk.put_aside(letter)

    await desk.mend(letter, mended(letter))
    await desk.mailbox.aside.once()
    (waiting,) = await desk.listed()
    begun = await desk.post(letter.event_id, "mend", how="begin-here", **SIGNED)
    await desk.mailbox.aside.once()

    assert (waiting["state"], waiting["waits_for"], begun.status_code) == ("parked", 1, 200)
    assert await noted(desk.mailbox.database) == ["Ana"]


@pytest.mark.parametrize("state", ["retrying", "dead"])
async def test_a_letter_that_was_tried_and_waits_for_a_lost_one_may_begin_too(desk: Desk, state: str) -> None:
    letter = a_letter(uuid4(), 4)
    await desk.put_aside(letter)
    await change(desk.mailbox.database, update(letters).values(state=state))

    begun = await desk.post(letter.event_id, "mend", how="begin-here", **SIGNED)
    await desk.mailbox.aside.once()

    assert begun.status_code == 200
    assert await noted(desk.mailbox.database) == ["number 4"]


@pytest.mark.parametrize("after", ["the look", "the try"])
async def test_a_letter_mended_during_a_try_of_its_old_words_is_tried_with_the_new(desk: Desk, after: str) -> None:
    letter, database = a_letter(uuid4(), 1, by=SPOILT), desk.mailbox.database
    await desk.put_aside(letter, given_up=False)
    await change(database, update(letters).values(next_try=LONG_AGO, attempts=len(PAUSES)))

    database.interrupt(["the look", "the try"].index(after) + 1, lambda: desk.mend(letter, mended(letter)))
    await desk.mailbox.aside.once()
    (kept,) = await desk.listed()
    await desk.mailbox.aside.once()

    assert (kept["state"], kept["attempts"], kept["error"]) == ("retrying", 0, "")
    assert await noted(database) == ["Ana"]


@pytest.mark.parametrize(("after", "minds"), [("the signing", True), ("the signing", False), ("the try", True)])
async def test_a_letter_mended_during_a_replay_of_its_old_words_keeps_the_new(
    desk: Desk, after: str, minds: bool
) -> None:
    letter, database = a_letter(uuid4(), 1, by=SPOILT), desk.mailbox.database
    await desk.put_aside(letter)
    desk.minds = minds

    database.interrupt(["the signing", "the try"].index(after) + 1, lambda: desk.mend(letter, mended(letter)))
    told = (await desk.post(letter.event_id, "replay", **SIGNED)).json()
    (kept,) = await desk.listed()
    await desk.mailbox.aside.once()

    assert told["letters"] == 0 and told["error"]
    assert (kept["state"], kept["attempts"], kept["error"]) == ("retrying", 0, "")
    assert await noted(database) == ["Ana"]


async def test_a_replay_of_what_somebody_passes_over_meanwhile_counts_nothing(desk: Desk) -> None:
    letter, database = a_letter(uuid4(), 1, by=SPOILT), desk.mailbox.database
    await desk.put_aside(letter)
    desk.minds = False

    database.interrupt(1, lambda: desk.post(letter.event_id, "mend", how="pass-over", **SIGNED))
    told = (await desk.post(letter.event_id, "replay", **SIGNED)).json()
    acts = (await desk.http.get(f"/letters/{letter.event_id}")).json()["acts"]

    assert told == {"letters": 0, "error": TREATED, "next": None}
    assert [each["what"] for each in acts] == [mending.IN_VAIN, "passed over"]
    assert await noted(database) == []


async def test_of_several_replays_at_once_one_applies_the_letter(desk: Desk) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)
    desk.minds = False

    asked = await asyncio.gather(*(desk.post(letter.event_id, "replay", **SIGNED) for _ in range(4)))
    done = [each.json() for each in asked if each.status_code == 200]

    assert sorted(each["letters"] for each in done) == [0] * (len(done) - 1) + [1]
    assert {each["error"] for each in done if not each["letters"]} <= {TREATED}
    assert await noted(desk.mailbox.database) == [SPOILT]


@pytest.mark.parametrize(
    ("words", "where", "remedy"),
    [
        (lambda letter: a_letter(uuid4()).body, "body.person_id", "pass it over"),
        (lambda letter: letter.body[:-1] + b" " * names.MESSAGE_BYTES + b"}", "body.body", "at most 262,144 bytes"),
    ],
)
async def test_words_that_cannot_stand_in_a_letter_are_refused(
    desk: Desk, words: Callable[[Letter], bytes], where: str, remedy: str
) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)

    refused = await desk.mend(letter, words(letter))
    (wrong,) = refused.json()["errors"]

    assert refused.status_code == 422 and wrong["where"] == where and remedy in wrong["remedy"]
    assert [each["state"] for each in await desk.listed()] == ["dead"]
    assert await count(desk.mailbox.database, letter_acts) == 0


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-22T10:00:00"])
async def test_letters_beyond_a_time_that_is_none_are_refused(desk: Desk, since: str) -> None:
    asked = {"dead": True, "since": since, "after": str(uuid4())}

    refused = await desk.http.get("/letters", params=asked)

    assert refused.status_code == 422 and refused.json()["errors"][0]["where"] == "query.since"


async def test_what_is_no_such_fact_is_refused_with_its_place_and_without_its_words(desk: Desk) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)
    words = b64encode(b'{"person_id": "Canary"}').decode()

    refused = await desk.post(letter.event_id, "mend", how="body", body=words, **SIGNED)

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["where"].startswith("letter.") and "Canary" not in refused.text
    assert [each["state"] for each in await desk.listed()] == ["dead"]


async def test_what_an_organisation_posted_is_mended_and_replayed_too(desk: Desk) -> None:
    posted = Letter(uuid4(), "ingest.eastside.supporter", "IN_eastside 1", 0, 0, "ingest", SPOILT.encode())
    await desk.put_aside(posted)

    await desk.post(posted.event_id, "mend", how="body", body=b64encode(b"Sam").decode(), **SIGNED)
    told = (await desk.post(posted.event_id, "replay", **SIGNED)).json()
    await desk.mailbox.apply([posted], HEARD)

    assert told == {"letters": 1, "error": "", "next": None}
    assert await noted(desk.mailbox.database) == ["Sam"]


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_letter_passed_over_counts_as_heard_and_nothing_comes_of_it(desk: Desk, ordered: bool) -> None:
    person = uuid4()
    letter = a_letter(person, 1, by=SPOILT)
    if not ordered:
        letter = Letter(uuid4(), "ingest.eastside.supporter", "IN_eastside 1", 0, 0, "ingest", SPOILT.encode())
    await desk.put_aside(letter, a_letter(person, 2, by="after"))

    answer = await desk.post(letter.event_id, "mend", how="pass-over", **SIGNED)
    await desk.mailbox.aside.once()
    await desk.mailbox.apply([letter], HEARD)

    assert answer.status_code == 200
    assert await noted(desk.mailbox.database) == (["after"] if ordered else [])
    assert await count(desk.mailbox.database, inbox) == (0 if ordered else 1)


@pytest.mark.parametrize("how", ["pass-over", "body"])
async def test_a_letter_that_is_heard_while_somebody_treats_it_is_not_treated_nor_its_queue_set_back(
    desk: Desk, how: str
) -> None:
    person, database = uuid4(), desk.mailbox.database
    letter, *behind = [a_letter(person, each, by=SPOILT if each == 1 else "") for each in (1, 2, 3)]
    await desk.put_aside(letter, *behind)
    desk.minds = False

    async with database.transaction() as db:
        await desk.mailbox.apply_in(db, [letter, *behind])
        await gate.forget_aside(db, [letter, *behind])
        words = b64encode(mended(letter)).decode() if how == "body" else ""
        treating = asyncio.create_task(desk.post(letter.event_id, "mend", how=how, body=words, **SIGNED))
        await asyncio.sleep(0.5)
    refused = await treating

    assert refused.status_code == 409
    assert [each["version"] for each in await rows(database, select(heard))] == [3]
    assert await count(database, letter_acts) == 0


async def test_what_a_letter_says_is_shown_to_whoever_signs_for_it_and_every_act_is_kept(desk: Desk) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)

    unsigned = await desk.post(letter.event_id, "open")
    opened = await desk.post(letter.event_id, "open", **SIGNED)
    shown = (await desk.http.get(f"/letters/{letter.event_id}")).json()

    assert unsigned.status_code == 422
    assert b64decode(opened.json()["body"]) == letter.body
    assert [(each["what"], each["by"], each["reason"]) for each in shown["acts"]] == [
        ("opened", "Robin", "asked by Sam")
    ]
    async with desk.mailbox.database.reading() as db:
        kept = (await db.execute(select(type_coerce(letter_acts.c.reason, Text)))).scalar_one()
    assert "asked by Sam" not in kept


async def test_a_fact_that_one_listener_may_read_is_opened_for_mending(desk: Desk) -> None:
    contact = ContactShared(person_id=uuid4(), site_id="main", first_name="Canary", zone="America/New_York", reaches=[])
    letter = Letter(uuid4(), "sealed.referrals", contact.key(), 1, 1, contact.type_name(), write(contact))
    desk.mailbox.on(ContactShared, desk.mind)
    await desk.put_aside(letter)

    opened = (await desk.post(letter.event_id, "open", **SIGNED)).json()["body"]
    mended = await desk.post(letter.event_id, "mend", how="body", body=opened, **SIGNED)
    desk.minds = False
    await desk.mailbox.aside.once()

    assert b64decode(opened) == contact.wire() and mended.status_code == 200
    assert await noted(desk.mailbox.database) == ["Canary"]


@pytest.mark.parametrize(
    ("how", "what"), [({"how": "pass-over"}, "passed over"), ({"how": "body", "body": CLEAN}, "mended")]
)
async def test_what_was_done_with_a_letter_is_told_when_it_is_put_aside_no_longer(
    desk: Desk, how: dict[str, str], what: str
) -> None:
    person = uuid4()
    letter = a_letter(person, 1, by=SPOILT)
    await desk.put_aside(letter)
    words = {each: b64encode(a_letter(person).body).decode() for each in how if each == "body"}

    await desk.post(letter.event_id, "mend", **{**how, **words}, **SIGNED)
    await desk.mailbox.aside.once()
    shown = (await desk.http.get(f"/letters/{letter.event_id}")).json()
    unknown = await desk.http.get(f"/letters/{uuid4()}")

    assert shown["letter"] is None
    assert [(each["what"], each["by"], each["reason"]) for each in shown["acts"]] == [(what, "Robin", "asked by Sam")]
    assert unknown.status_code == 404


async def test_a_replay_is_signed_and_kept_whether_it_went_well_or_not(desk: Desk) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)

    unsigned = await desk.post(letter.event_id, "replay")
    half = await desk.post(letter.event_id, "replay", by="Robin")
    rehearsed = await desk.post(letter.event_id, "replay", dry_run=True)
    before = await count(desk.mailbox.database, letter_acts)
    await desk.post(letter.event_id, "replay", **SIGNED)
    desk.minds = False
    await desk.post(letter.event_id, "replay", by="Sam", reason="mended")
    shown = (await desk.http.get(f"/letters/{letter.event_id}")).json()

    assert (unsigned.status_code, half.status_code, rehearsed.status_code, before) == (422, 422, 200, 0)
    assert "`by`" in unsigned.json()["errors"][0]["remedy"]
    assert [(each["what"], each["by"]) for each in shown["acts"]] == [(mending.IN_VAIN, "Robin"), ("replayed", "Sam")]
    assert shown["letter"] is None


async def test_more_queues_than_are_listed_at_once_are_counted_and_reached_in_turn(desk: Desk) -> None:
    given_up = [a_letter(uuid4(), 1, by=SPOILT) for _ in range(queues.MOST + 2)]
    await desk.put_aside(a_letter(uuid4(), 2))
    async with desk.mailbox.database.transaction() as db:
        await gate.put_aside(db, given_up, state="dead")

    told = (await desk.http.get("/letters")).json()
    found, beyond = [], {}
    while page := (await desk.http.get("/letters", params={"dead": True, **beyond})).json()["letters"]:
        found += [each["letter_id"] for each in page]
        beyond = {"since": page[-1]["put_aside_at"], "after": page[-1]["letter_id"]}

    assert (told["queues"], len(told["letters"])) == (queues.MOST + 3, queues.MOST)
    assert len(found) == queues.MOST + 2 and set(found) == {str(each.event_id) for each in given_up}


async def test_only_the_programmes_own_people_see_letters(desk: Desk) -> None:
    letter = a_letter(uuid4(), 1, by=SPOILT)
    await desk.put_aside(letter)
    desk.http.headers["Authorization"] = f"Bearer {OTHER}"

    asked = [
        await desk.http.get("/letters"),
        await desk.http.get(f"/letters/{letter.event_id}"),
        *[await desk.post(letter.event_id, what, **SIGNED) for what in ("open", "mend", "replay")],
    ]

    assert [each.status_code for each in asked] == [403] * 5


async def test_a_share_sends_whoever_asks_for_anothers_letter_on(database: Database) -> None:
    desk = Desk(await with_a_diary(database), share="1/2")
    letter = a_letter(next(each for each in iter(uuid4, None) if a_letter(each).partition == 0), 1, by=SPOILT)
    await desk.put_aside(letter)

    refused = await desk.post(letter.event_id, "replay", **SIGNED)

    assert refused.status_code == 409 and "another share's" in refused.json()["title"]
