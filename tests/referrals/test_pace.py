"""An organisation that asks too fast is told when to ask again, and no other is slower for it."""

import asyncio

from shared.pace import MOST, Pace
from tests.referrals.makers import Desk, request
from tests.referrals.pipes import message
from tests.referrals.test_mllp import frame, line, talk


async def test_who_asks_too_fast_is_told_when_to_ask_again(small: Desk) -> None:
    small.service.http.state.pace = Pace(rate=0.1, at_once=2)
    answers = [await small.refer(request(f"R-{number}")) for number in range(3)]
    other = await small.refer(request("R-1"), who="silent-centre")

    assert [each.status_code for each in answers] == [201, 201, 429]
    assert answers[2].json()["issue"][0]["code"] == "throttled"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 10
    assert other.status_code == 201
    assert (await small.figures())["referrals_received"] == 3


async def test_a_referrer_keeps_its_pace_on_every_route_and_the_programme_has_none(small: Desk) -> None:
    referral_id = await small.referred(request())
    for path in (f"/referrals/{referral_id}/timeline", "/follow-up"):
        small.service.http.state.pace = Pace(rate=0.1, at_once=2)
        statuses = [(await small.ask("GET", path)).status_code for _ in range(3)]

        assert statuses == [200, 200, 429], path
    staff = [await small.ask("GET", f"/referrals/{referral_id}/timeline", who="agency") for _ in range(3)]
    assert {each.status_code for each in staff} == {200}


async def test_tokens_come_back_and_never_more_than_at_once() -> None:
    pace = Pace(rate=100, at_once=2)
    first = [pace.wait("a") for _ in range(3)]
    await asyncio.sleep(0.1)
    later = [pace.wait("a") for _ in range(3)]

    assert [each > 0 for each in first] == [False, False, True]
    assert first[2] <= 0.01
    assert [each > 0 for each in later] == [False, False, True]


async def test_whoever_was_quiet_is_forgotten_before_memory_is_full() -> None:
    pace = Pace(rate=1_000, at_once=1)
    for number in range(3 * MOST):
        pace.wait(f"address {number}")
        await asyncio.sleep(0.002) if number % MOST == 0 else None
    spent = Pace(rate=0.001, at_once=1)
    for number in range(MOST - 1):
        spent.wait(f"address {number}")

    assert len(pace._buckets) <= MOST
    assert spent.wait("address 0") > 0


async def test_on_a_line_that_is_too_fast_every_message_is_answered_in_the_end(small: Desk) -> None:
    small.service.http.state.pace = Pace(rate=50, at_once=1)
    begun = asyncio.get_running_loop().time()
    async with line(small) as port:
        answers = await talk(port, frame(message()) * 5)

    assert [str(each.segment("MSA")[1]) for each in answers] == ["AA"] * 5
    assert asyncio.get_running_loop().time() - begun > 0.07
