"""What people write back, and what follows from it, on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.notifications.store.tables import answers, replies
from shared import clock
from shared.database import Database
from shared.events.notifications import OptedOut, ReminderSent, ReminderSkipped, VisitAnswered
from shared.events.scheduling import SeriesBooked
from tests.notifications.doubles import HttpDouble, http_double
from tests.notifications.made import NOON, PHONE, contact, series
from tests.notifications.running import SECRET, Running, as_json, days, running


@pytest.fixture
async def provider() -> AsyncIterator[HttpDouble]:
    async with http_double() as double:
        yield double


@pytest.fixture
async def service(database: Database, tmp_path: Path, provider: HttpDouble) -> AsyncIterator[Running]:
    async with running(database, tmp_path, sms_url=provider.url) as started:
        yield started


@pytest.fixture
async def booked(service: Running) -> SeriesBooked:
    """A series whose confirmation has been sent."""
    one = series(NOON + days(7), NOON + days(14))
    await service.hear(contact(one.person_id), one)
    await service.settle()
    return one


async def write(service: Running, words: str, message_id: str = "m1", sender: str = PHONE) -> Any:
    answer = await service.text(words, sender=sender, message_id=message_id)
    assert answer.status_code == 200
    assert answer.json() == {"received": True}


async def test_a_digit_answers_about_the_session_last_written_about(service: Running, booked: SeriesBooked) -> None:
    await write(service, "1")
    await service.until(NOON + days(11))

    await write(service, "3", "m2", sender="(202) 555-0143")

    said = [(each.session_id, each.answer) for each in await service.said(VisitAnswered)]
    first, second = booked.sessions
    assert said == [(first.session_id, "coming"), (second.session_id, "cannot_come")]


async def test_asks_nobody_itself_for_another_time(service: Running, booked: SeriesBooked) -> None:
    await write(service, "2")

    (said,) = await service.said(VisitAnswered)
    assert (said.session_id, said.answer) == (booked.sessions[0].session_id, "new_time")
    assert await service.tasks() == []


async def test_the_same_text_twice_acts_once(service: Running, booked: SeriesBooked, provider: HttpDouble) -> None:
    await write(service, "hello?")
    await write(service, "hello?")

    assert len(await service.tasks()) == 1
    assert (await service.figures())["replies_received"] == 1
    assert len(provider.taken) == 2


async def test_stop_stops_at_once_and_is_confirmed_once(
    service: Running, booked: SeriesBooked, provider: HttpDouble
) -> None:
    await write(service, "Stop.")
    await write(service, "STOP!!", "m2")
    await service.until(NOON + days(15))

    assert [each.person_id for each in await service.said(OptedOut)] == [booked.person_id]
    texts = [each["text"] for each in provider.taken.values()]
    assert texts[1:] == ["You will get no more texts from us. Help: 555-0100. START to get texts again."]
    assert {each.why for each in await service.said(ReminderSkipped)} == {"opted_out"}
    assert (await service.figures())["opted_out"] == 1


async def test_stop_between_the_intent_and_the_call_wins(service: Running, booked: SeriesBooked) -> None:
    await service.until(NOON + days(4) - timedelta(seconds=1))
    clock.step_to(NOON + days(4))
    await service.service.mailbox.timers.once()
    await write(service, "STOP")

    assert len(await service.said(ReminderSent)) == 1
    assert [each.why for each in await service.said(ReminderSkipped)] == ["opted_out"]


async def test_stop_covers_everybody_who_shares_the_number(service: Running, booked: SeriesBooked) -> None:
    other = series(NOON + days(8))
    await service.hear(contact(other.person_id), other)

    await write(service, "STOP")

    assert {each.person_id for each in await service.said(OptedOut)} == {booked.person_id, other.person_id}


async def test_cancel_opts_out_and_asks_a_person_whether_the_visit_was_meant(
    service: Running, booked: SeriesBooked
) -> None:
    await write(service, "CANCEL")

    (task,) = await service.tasks()
    assert (task.kind, task.about) == ("may_have_meant_to_cancel", str(booked.sessions[0].session_id))
    assert len(await service.said(OptedOut)) == 1
    assert await service.said(VisitAnswered) == []


async def test_start_lets_messages_come_again(service: Running, booked: SeriesBooked, provider: HttpDouble) -> None:
    await write(service, "STOP")
    await write(service, "START", "m2")
    await service.until(NOON + days(5))

    assert (await service.figures())["opted_out"] == 0
    assert [each.kind for each in await service.said(ReminderSent)] == ["confirmation", "3d"]
    assert any(each["text"].startswith("You will get texts from us again.") for each in provider.taken.values())


async def test_help_says_whom_to_call_even_after_a_stop(
    service: Running, booked: SeriesBooked, provider: HttpDouble
) -> None:
    await write(service, "STOP")
    await write(service, "HELP", "m2")

    assert list(provider.taken.values())[-1]["text"].startswith("Northside: we text you about your visits.")
    assert await service.tasks() == []


async def test_danger_is_answered_paged_and_read_even_after_a_stop(
    service: Running, booked: SeriesBooked, provider: HttpDouble
) -> None:
    await write(service, "STOP")
    await write(service, "I want to die", "m2")

    assert "988" in list(provider.taken.values())[-1]["text"]
    assert (await service.figures())["pages_sent"] == 1
    task = next(each for each in await service.tasks() if each.kind == "danger_reply")
    assert (task.owner, task.note) == ("on-call", "I want to die")


async def test_danger_beside_a_stop_stops_too_but_answers_once(
    service: Running, booked: SeriesBooked, provider: HttpDouble
) -> None:
    await write(service, "stop texting me, I want to die")

    assert len(await service.said(OptedOut)) == 1
    assert len(provider.taken) == 2
    assert "988" in list(provider.taken.values())[-1]["text"]


async def test_anything_else_is_read_by_a_person_and_answered_once_a_day(
    service: Running, booked: SeriesBooked, provider: HttpDouble
) -> None:
    for number, words in enumerate(["is parking free?", "hello??", "مرحبا 👋", "x" * 10_000]):
        await write(service, words, f"m{number}")

    assert [each.kind for each in await service.tasks()] == ["reply_to_read"] * 4
    assert {each.note for each in await service.tasks()} >= {"is parking free?", "مرحبا 👋", "x" * 10_000}
    assert len(provider.taken) == 2


async def test_a_strangers_text_changes_nothing_and_is_answered_the_same(
    service: Running, booked: SeriesBooked, provider: HttpDouble
) -> None:
    for number, words in enumerate(["1", "STOP", "HELP", "hello"]):
        await write(service, words, f"m{number}", sender="+12025550199")

    assert len(provider.taken) == 1
    assert await service.tasks() == []
    async with service.service.database.reading() as db:
        assert set((await db.scalars(select(replies.c.text))).all()) == {None}


async def test_danger_from_a_stranger_is_put_before_a_person_and_answered_nothing(
    service: Running, provider: HttpDouble
) -> None:
    await write(service, "I want to die", sender="+12025550199")

    assert [each.kind for each in await service.tasks()] == ["danger_from_unknown_number"]
    assert provider.taken == {}
    assert (await service.figures())["pages_sent"] == 1


async def test_emergency_words_are_tried_again_when_nobody_knows_whether_they_arrived(
    service: Running, booked: SeriesBooked, provider: HttpDouble
) -> None:
    provider.behaviour = "drop"

    await write(service, "I want to die")

    assert provider.asked == 4
    async with service.service.database.reading() as db:
        assert (await db.scalars(select(answers.c.state))).all() == ["unknown"]


@pytest.mark.parametrize(
    ("behaviour", "words", "kind", "hours"),
    [
        ("drop", "HELP", "answer_unknown", 1),
        (422, "HELP", "answer_failed", 24),
        (422, "I want to die", "answer_failed", 1),
    ],
)
async def test_an_answer_that_may_not_have_arrived_is_work_for_a_person(
    service: Running,
    booked: SeriesBooked,
    provider: HttpDouble,
    behaviour: int | str,
    words: str,
    kind: str,
    hours: int,
) -> None:
    provider.behaviour = behaviour

    await write(service, words)

    task = next(each for each in await service.tasks() if each.kind == kind)
    assert (task.about, task.owner) == (str(booked.person_id), "reception")
    assert task.due == NOON + timedelta(hours=hours)


async def test_what_people_wrote_is_sealed_at_rest(service: Running, booked: SeriesBooked) -> None:
    await write(service, "my canary sings")

    async with service.service.database.reading() as db:
        raw = (await db.exec_driver_sql("select text from replies union all select note from tasks")).fetchall()
        ways = (await db.exec_driver_sql("select address, lookup from reaches")).fetchall()
    assert "canary" not in as_json([list(each) for each in raw])
    assert "2025550143" not in as_json([list(each) for each in ways])


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET + "x", "é"])
async def test_only_the_provider_may_hand_in_texts(service: Running, secret: str | None) -> None:
    headers = {} if secret is None else {"X-Inbound-Secret": secret.encode()}

    answer = await service.http.post("/inbound/sms", json={"id": "1", "from": PHONE, "text": "1"}, headers=headers)

    assert answer.status_code == 401


async def test_without_a_secret_nobody_may(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, inbound_secret="") as service:
        answer = await service.http.post(
            "/inbound/sms", json={"id": "1", "from": PHONE, "text": "1"}, headers={"X-Inbound-Secret": ""}
        )

    assert answer.status_code == 401


BAD_BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "$"),
    (b"{", 400, "$"),
    (b"[]", 422, "body"),
    (b"null", 422, "body"),
    (b'{"id": "1", "from": "+12025550143"}', 422, "body.text"),
    (b'{"id": "", "from": "+12025550143", "text": "1"}', 422, "body.id"),
    (b'{"id": 1, "from": "+12025550143", "text": "1"}', 422, "body.id"),
    (b'{"id": "1", "from": "secretname", "text": "1"}', 422, "body.from"),
    (b'{"id": "1", "from": "+1", "text": "1"}', 422, "body.from"),
    (b'{"id": "1", "from": null, "text": "1"}', 422, "body.from"),
    (b'{"id": "1", "from": "+12025550143", "text": ["1"]}', 422, "body.text"),
    (b'{"id": "1", "from": "+12025550143", "text": NaN}', 400, "$"),
    (b'{"id": "1", "id": "2", "from": "+12025550143", "text": "1"}', 400, "$"),
    (b'{"id": "1", "from": "+12025550143", "text": "\\ud800"}', 400, "$.text"),
    (b'{"id": "1", "from": "+12025550143", "text": "\\u0000"}', 400, "$.text"),
    (b'{"id": "1", "from": "+12025550143", "text": "' + b"x" * 20_001 + b'"}', 422, "body.text"),
    (b'{"id": "1", "from": "+12025550143", "text": "' + b"x" * 70_000 + b'"}', 413, "$"),
    (b"[" * 10_000, 400, "$"),
    (b"\xff\xfe", 400, "$"),
]


async def test_bad_texts_are_refused_with_the_place_and_never_break_anything(service: Running) -> None:
    headers = {"X-Inbound-Secret": SECRET, "Content-Type": "application/json"}

    for body, status, where in BAD_BODIES:
        answer = await service.http.post("/inbound/sms", content=body, headers=headers)

        assert answer.status_code == status, (body[:80], answer.text)
        assert answer.json()["errors"][0]["where"] == where, (body[:80], answer.text)
        assert "secretname" not in answer.text


async def test_shows_a_persons_messages_without_their_words(service: Running, booked: SeriesBooked) -> None:
    answer = await service.http.get("/messages", params={"person_id": str(booked.person_id)})

    assert next((each["kind"], each["state"], each["channel"]) for each in answer.json()) == (
        "confirmation",
        "accepted",
        "sms",
    )
    assert not [each for each in ("Jordan", "Northside", "5550143", "text") if each in answer.text]


@pytest.mark.parametrize(
    ("person_id", "key", "status"),
    [
        ("not-a-uuid", None, 422),
        (str(UUID(int=7)), "", 401),
        (str(UUID(int=7)), "alk_nobody", 401),
        (str(UUID(int=7)), "alk_hospital", 403),
        (str(UUID(int=7)), None, 200),
    ],
)
async def test_only_the_programme_sees_messages(service: Running, person_id: str, key: str | None, status: int) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    answer = await service.http.get("/messages", params={"person_id": person_id}, headers=headers)

    assert answer.status_code == status
