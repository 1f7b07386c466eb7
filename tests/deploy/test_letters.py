"""`alongside letters` on a service that runs: from the first look at three in the morning to nothing put aside."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvicorn

from deploy import ports
from deploy.premises import Addresses, database_urls, equip
from services.matching import app
from services.matching.settings import Settings
from shared import migrations
from shared.events.referrals import ReferralHeld
from shared.mailbox import gate, queues
from shared.mailbox.letter import Letter
from shared.service import Service
from tests.deploy.terminal import said

SPOILT = b'{"referral_id": "none"}'
SIGNED = ("--by", "Robin", "--reason", "a bug of ours")


@dataclass
class Place:
    """The matching service, serving its edge in a thread; the bus is not there."""

    data: Path
    service: Service
    loop: asyncio.AbstractEventLoop
    hangs_up: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve; or hang up on whoever posts, as a service does that is ended, so many times."""
        if self.hangs_up and scope.get("method") == "POST":
            self.hangs_up -= 1
            receive.__self__.transport.abort()
            return
        await self.service.http(scope, receive, send)

    def put_aside(self, person: UUID, version: int, body: bytes = b"") -> Letter:
        """Let a letter come."""
        held = ReferralHeld(referral_id=uuid4(), person_id=person, site_id="main", state="needs_info")
        letter = Letter(uuid4(), "referrals", str(person), version, 1, held.type_name(), body or held.wire())
        done = self.service.mailbox.apply_or_put_aside(letter, "matching-on-referrals-0of1")
        asyncio.run_coroutine_threadsafe(done, self.loop).result(10)
        return letter

    def give_up(self, many: int) -> list[str]:
        """Let so many spoilt letters have come together, and give their ids."""

        async def put() -> list[str]:
            kind = ReferralHeld.type_name()
            some = [Letter(uuid4(), "referrals", str(uuid4()), 1, 1, kind, SPOILT) for _ in range(many)]
            async with self.service.database.transaction() as db:
                await gate.put_aside(db, some, state="dead")
            return [str(each.event_id) for each in some]

        return asyncio.run_coroutine_threadsafe(put(), self.loop).result(30)

    def letters(self, *options: str) -> tuple[int, str]:
        """Run the command."""
        what, *rest = options
        return said("letters", what, *rest, "--data", str(self.data))

    def until_nothing_is_put_aside(self) -> str:
        """What `list` says when nothing is left."""
        deadline = time.monotonic() + 10
        while "No letter" not in (told := self.letters("list")[1]):
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
        return told


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A service with its store, its edge and what it tries again, without a bus."""
    monkeypatch.setenv("COLUMNS", "140")
    premises, port = equip(tmp_path), ports.free()
    url = f"sqlite:///{tmp_path / 'matching.sqlite'}"
    settings = Settings(database_url=url, programme=tmp_path / "programme.json", seal_keys=tmp_path / "keys/seal.json")
    service = app.create(settings)
    Addresses({"matching": f"http://127.0.0.1:{port}"}, "nats://127.0.0.1:1", database_urls(tmp_path, None)).write(
        premises.data
    )
    loop = asyncio.new_event_loop()
    opened = Place(tmp_path, service, loop)
    server = uvicorn.Server(uvicorn.Config(opened, port=port, lifespan="off", log_config=None))

    async def serve() -> None:
        await migrations.upgrade(service.database, "matching")
        service.mailbox.aside.start()
        await server.serve()
        await service.mailbox.aside.stop()
        await service.database.close()

    thread = Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield opened
    server.should_exit = True
    thread.join(10)


def test_a_spoilt_letter_is_listed_shown_mended_and_everything_behind_it_follows(place: Place, tmp_path: Path) -> None:
    person = uuid4()
    spoilt, _ = place.put_aside(person, 1, SPOILT), place.put_aside(person, 2)
    good = tmp_path / "good.json"
    good.write_bytes(ReferralHeld(referral_id=uuid4(), person_id=person, site_id="main", state="needs_info").wire())

    _, listed = place.letters("list")
    code, rehearsed = place.letters("replay", "--dry-run")
    mended, _ = place.letters("mend", str(spoilt.event_id), "--body", str(good), *SIGNED)
    place.until_nothing_is_put_aside()
    known, shown = place.letters("show", str(spoilt.event_id))

    assert "1 queue waits" in listed and "1 more wait behind it" in listed and str(spoilt.event_id) in listed
    assert (code, mended) == (1, 0)
    assert "ValidationError at" in rehearsed and "0 would be applied, 1 would fail." in rehearsed
    assert "none" not in listed + rehearsed
    assert known == 0 and "is put aside no longer" in shown
    assert "mended by Robin" in shown and "a bug of ours" in shown


def test_what_a_letter_says_is_printed_only_for_whoever_signs_and_the_look_is_kept(place: Place) -> None:
    letter = place.put_aside(uuid4(), 1, SPOILT)
    which = str(letter.event_id)

    unsigned, refused = place.letters("show", which, "--body")
    signed, shown = place.letters("show", which, "--body", "--by", "Robin", "--reason", "looking for the cause")
    _, again = place.letters("show", which)

    assert unsigned == 2 and "--by NAME --reason WORDS" in " ".join(refused.replace("│", "").split())
    assert signed == 0 and SPOILT.decode() in shown
    assert "opened by Robin" in again and "looking for the cause" in again and SPOILT.decode() not in again


def test_replay_goes_on_with_the_next_of_a_queue_no_faster_than_it_is_asked_to(place: Place) -> None:
    person = uuid4()
    first = place.put_aside(person, 1, SPOILT)
    place.put_aside(person, 2, SPOILT)
    place.letters("mend", str(first.event_id), "--pass-over", "--by", "Robin", "--reason", "said again by hand")
    deadline = time.monotonic() + 10
    while '"dead"' not in place.letters("list", "--json")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    begun = time.monotonic()
    code, told = place.letters("replay", "--rate", "2", *SIGNED)

    assert code == 1 and "0 applied, 1 failed." in told
    assert time.monotonic() - begun >= 0.5


def test_all_that_were_given_up_are_replayed_once_each_however_many_are_listed_at_once(place: Place) -> None:
    some = place.give_up(queues.MOST + 2)

    _, listed = place.letters("list")
    code, told = place.letters("replay", "--rate", "1000", *SIGNED)

    assert f"{queues.MOST + 2} queues wait; this is the first letter of {queues.MOST} of them" in listed
    assert "2 more queues wait" in listed
    assert code == 1 and f"0 applied, {queues.MOST + 2} failed." in told
    assert {told.count(each) for each in some} == {1}


def test_a_letter_that_several_put_aside_is_mended_where_somebody_says(place: Place, tmp_path: Path) -> None:
    letter = str(place.put_aside(uuid4(), 1, SPOILT).event_id)
    there = Addresses.read(tmp_path)
    Addresses({**there.services, "scheduling": there.services["matching"]}, there.nats, there.databases).write(tmp_path)

    ended, told = place.letters("mend", letter, "--pass-over", *SIGNED)
    named, _ = place.letters("mend", letter, "--pass-over", "--service", "matching", *SIGNED)

    assert ended == 2 and f"matching and scheduling have put {letter} aside: name one with --service" in told
    assert named == 0


def test_a_letter_that_waits_for_a_lost_one_begins_where_somebody_says(place: Place) -> None:
    letter = place.put_aside(uuid4(), 3)

    _, listed = place.letters("list", "--json")
    refused, why = place.letters("replay", str(letter.event_id), *SIGNED)
    place.letters("mend", str(letter.event_id), "--begin-here", "--by", "Robin", "--reason", "1 and 2 are lost")
    place.until_nothing_is_put_aside()

    assert [each["waits_for"] for each in json.loads(listed)] == [1]
    assert refused == 1 and "version 1 of referrals has not come" in " ".join(why.split())


def test_a_replay_during_a_restart_counts_what_was_not_reached_and_goes_on(place: Place, tmp_path: Path) -> None:
    first, second = place.put_aside(uuid4(), 1, SPOILT), place.put_aside(uuid4(), 1, SPOILT)
    place.hangs_up = 1

    code, told = place.letters("replay", str(first.event_id), str(second.event_id), "--rate", "1000", *SIGNED)

    at = Addresses.read(tmp_path).services["matching"]
    assert f"{first.event_id} to matching: matching does not answer at {at}" in told
    assert f"{second.event_id} to matching: ValidationError at" in told
    assert code == 1 and "0 applied, 2 failed." in told and "ssl" not in told


def test_a_replay_where_nobody_answers_ends_with_its_tally(place: Place, tmp_path: Path) -> None:
    letter = place.put_aside(uuid4(), 1, SPOILT)
    there = Addresses.read(tmp_path)
    Addresses({"matching": f"http://127.0.0.1:{ports.free()}"}, there.nats, there.databases).write(tmp_path)

    code, told = place.letters("replay", str(letter.event_id), *SIGNED)

    assert code == 1 and "Nothing runs from" in told and "0 applied, 1 failed." in told


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["show", "00000000-0000-0000-0000-000000000000"], 2, "No service has put a letter"),
        (["show", "nonsense"], 2, "UUID"),
        (
            ["mend", "00000000-0000-0000-0000-000000000000", "--by", "R", "--reason", "w"],
            2,
            "choose one of --body FILE",
        ),
        (["replay", "--rate", "0"], 2, "0.1"),
        (["replay"], 2, "--by NAME --reason WORDS"),
        (["list", "--service", "nobody"], 2, "name one of referrals, matching"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_line(place: Place, options: list[str], code: int, words: str) -> None:
    ended, told = place.letters(*options)

    assert ended == code and words in " ".join(told.replace("│", "").split())
