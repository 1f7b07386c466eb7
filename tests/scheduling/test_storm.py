"""Everybody wants the same supporter at the same hour."""

import asyncio
import os
import random
from datetime import datetime, timedelta
from typing import Any

from services.scheduling.handlers.booking import ByHand, TimeTaken, book_by_hand
from tests.scheduling.makers import Desk, an_id

ROUNDS, RACERS = int(os.environ.get("BOOKING_ROUNDS", "5")), 200
OVER_HTTP = 3
"""So many rounds go through the whole HTTP application, the rest through the handler behind it."""


async def test_one_of_two_hundred_overlapping_bookings_succeeds(desk: Desk):
    chance = random.Random(7)
    await desk.know(*(f"person {each}" for each in range(RACERS)))

    for each in range(ROUNDS):
        race = _over_http if each < OVER_HTTP else _by_handler
        hour = datetime.fromisoformat("2026-04-01T10:00") + timedelta(days=each)
        won = await asyncio.gather(*(race(desk, _booking(hour, one, chance)) for one in range(RACERS)))
        assert won.count(True) == 1 and won.count(False) == RACERS - 1

    assert (await desk.figures())["sessions_booked"] == ROUNDS


def _booking(hour: datetime, person: int, chance: random.Random) -> dict[str, Any]:
    """A session of 60 minutes that begins within half an hour around `hour`: any two overlap, most only partly."""
    return {
        "supporter_id": an_id("sam"),
        "person_id": an_id(f"person {person}"),
        "local_start": hour + timedelta(minutes=chance.randint(-29, 29)),
        "zone": "America/New_York",
        "minutes": 60,
        "modality": "in_person",
    }


async def _over_http(desk: Desk, booking: dict[str, Any]) -> bool:
    start = booking["local_start"].strftime("%Y-%m-%dT%H:%M")
    ids = {each: str(booking[each]) for each in ("supporter_id", "person_id")}
    answer = await desk.ask("POST", "/sessions", json={**booking, **ids, "local_start": start})
    assert answer.status_code == 201 or answer.json()["errors"][0]["where"] == "body.supporter_id"
    return {201: True, 409: False}[answer.status_code]


async def _by_handler(desk: Desk, booking: dict[str, Any]) -> bool:
    try:
        await desk.service.mailbox.run(book_by_hand, ByHand(**booking, site_id="main"))
    except TimeTaken as taken:
        assert taken.where == "body.supporter_id"
        return False
    return True
