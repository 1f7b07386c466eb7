"""A hospital orders peer support over MLLP as 360X has it, and hears by ACK and OSU what becomes of the order."""

import asyncio
from uuid import uuid4

import hl7
import pytest

from deploy import ports
from shared.events.referrals import ConsentGiven, CrisisRaised, ReferralAccepted, ReferralRefused
from tests.referrals.makers import NOW, Desk
from tests.referrals.pipes import ORDER, event, message, ordered, unordered
from tests.referrals.test_accounting import told
from tests.referrals.test_following import facts
from tests.referrals.test_mllp import FS, answered, frame, line, talk

PLAIN = ORDER["MSH"].removesuffix("|||NE|NE|||||360X")
ASKED = ordered(ORC="ORC|SS|R-1^EPIC", PID=None, TQ1=None, OBR=None, DG1=None, OBX=None)


async def both(port: int, raw: bytes) -> tuple[hl7.Message, hl7.Message]:
    """The ACK and the OSU that answer one message."""
    reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
    writer.write(frame(raw))
    first, second = [await asyncio.wait_for(reader.readuntil(FS + b"\r"), 10) for _ in range(2)]
    writer.close()
    return hl7.parse(first[1:-2].decode()), hl7.parse(second[1:-2].decode())


def notes(answer: hl7.Message) -> str:
    """What an answer says to people."""
    return " ".join(answer.unescape(str(each[3])) for each in answer.segments("NTE"))


def standing(answer: hl7.Message) -> tuple[str, str]:
    """ORC-1 and ORC-5 of an answer."""
    return str(answer.segment("ORC")[1]), str(answer.segment("ORC")[5])


def names_of(answer: hl7.Message) -> list[str]:
    """The segments of an answer."""
    return [str(each[0]) for each in answer]


async def test_an_order_is_answered_with_an_ack_and_then_with_where_it_stands(desk: Desk) -> None:
    async with line(desk) as port:
        ack, status = await both(port, ordered())

    assert (str(ack.segment("MSH")[9]), names_of(ack)) == ("ACK^O19^ACK", ["MSH", "MSA"])
    assert [str(ack.segment("MSA")[each]) for each in (1, 2)] == ["AA", "ORDER-1"]
    assert (str(status.segment("MSH")[9]), names_of(status)) == ("OSU^O51^OSU_O51", ["MSH", "NTE", "ORC"])
    assert [str(each.segment("MSH")[21]) for each in (ack, status)] == ["360X", "360X"]
    assert str(ack.segment("MSH")[10]) != str(status.segment("MSH")[10])
    (accepted,) = await desk.said(ReferralAccepted)
    assert standing(status) == ("OK", "IP")
    assert [str(status.segment("ORC")[each]) for each in (2, 3)] == ["R-1^EPIC", f"{accepted.referral_id}^ALONGSIDE"]
    assert (accepted.organisation, accepted.needs.challenges) == ("general-hospital", ["depression"])


async def test_who_does_not_say_360x_gets_one_answer_to_each_order(desk: Desk) -> None:
    async with line(desk) as port:
        first, second = await talk(port, frame(ordered(MSH=PLAIN)), frame(ordered(MSH=PLAIN)))

    for each in (first, second):
        assert str(each.segment("MSH")[9]) == "OSU^O51^OSU_O51"
        assert [str(each.segment("MSA")[place]) for place in (1, 2)] == ["AA", "ORDER-1"]
        assert standing(each) == ("OK", "IP")
    assert str(first.segment("ORC")[3]) == str(second.segment("ORC")[3])


async def test_a_referral_and_an_order_of_one_number_are_one_referral(desk: Desk) -> None:
    async with line(desk) as port:
        referred = await answered(port, message())
        _, status = await both(port, ordered())

    assert str(status.segment("ORC")[3]) == str(referred.segment("RF1")[11])


async def test_another_services_order_is_declined_with_the_reason(desk: Desk) -> None:
    async with line(desk) as port:
        ack, status = await both(port, ordered(OBR="OBR|1|R-1^EPIC||24323-8^Metabolic panel^LN"))

    assert str(ack.segment("MSA")[1]) == "AA"
    assert standing(status) == ("UA", "CA")
    assert "peer support only" in str(status.segment("ORC")[16])
    assert "peer support only" in notes(status)
    assert [each.reason for each in await desk.said(ReferralRefused)] == ["not_peer_support"]


async def test_an_order_that_a_person_has_to_look_at_is_on_hold(desk: Desk) -> None:
    async with line(desk) as port:
        _, status = await both(port, ordered(PID="PID|1||M-1^^^GENERAL^MR||EXAMPLE^ANA||19900506|F"))

    assert standing(status) == ("SC", "HD")
    assert "one question is open. Which phone number" in notes(status)


async def test_a_sign_of_danger_in_an_order_is_answered_with_the_emergency_words_and_a_time(desk: Desk) -> None:
    async with line(desk) as port:
        _, status = await both(port, ordered(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||flagged"))

    assert await desk.said(CrisisRaised)
    assert standing(status) == ("SC", "HD")
    assert "This is not an emergency service" in notes(status)
    assert "A person will phone you by 12:15 on Monday" in notes(status)
    assert "911" in notes(status) and "988" in notes(status)


@pytest.mark.parametrize("back", [unordered(), unordered(PID=None), ordered(ORC="ORC|CA|R-1^EPIC", OBR=None)])
async def test_an_order_that_is_taken_back_ends_the_referral(desk: Desk, back: bytes) -> None:
    async with line(desk) as port:
        _, before = await both(port, ordered())
        _, after = await both(port, back)
        _, later = await both(port, ASKED)

    assert standing(after) == ("CR", "CA")
    assert str(after.segment("ORC")[3]) == str(before.segment("ORC")[3])
    assert [each.reason for each in await desk.said(ReferralRefused)] == ["withdrawn"]
    assert standing(later) == ("SR", "CA")


async def test_a_ref_takes_back_what_was_ordered_and_an_order_what_was_referred(desk: Desk) -> None:
    async with line(desk) as port:
        await both(port, ordered())
        referred = await answered(port, message(MSH=event("I14", "MSG-2")))

    assert str(referred.segment("RF1")[1]) == "R"
    assert [each.reason for each in await desk.said(ReferralRefused)] == ["withdrawn"]


async def test_an_order_in_danger_cannot_be_taken_back(desk: Desk) -> None:
    async with line(desk) as port:
        await both(port, ordered(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||flagged"))
        _, status = await both(port, unordered())

    assert standing(status) == ("UC", "HD")
    assert "988" in notes(status)
    assert await desk.said(ReferralRefused) == []


async def test_where_an_order_stands_is_told_to_whom_it_belongs(desk: Desk) -> None:
    async with line(desk) as port, line(desk, "silent-centre") as other:
        before = await answered(port, ASKED)
        _, taken = await both(port, ordered())
        _, mine = await both(port, ASKED)
        theirs = await answered(other, ASKED)

    assert standing(mine) == ("SR", "IP")
    assert str(mine.segment("ORC")[3]) == str(taken.segment("ORC")[3])
    for each in (before, theirs):
        assert [str(each.segment("MSA")[1]), str(each.segment("ERR")[2])] == ["AE", "ORC^1^2"]


async def test_what_people_must_read_of_a_protected_person_comes_with_an_orders_status_too(desk: Desk) -> None:
    async with line(desk) as port:
        await both(port, ordered(DG1="DG1|1||F10.20^Alcohol dependence^I10C"))
        (accepted,) = await desk.said(ReferralAccepted)
        await desk.hear(facts(accepted)["match"])
        _, without = await both(port, ASKED)
        given = {"consent_id": uuid4(), "person_id": accepted.person_id, "discloser": "alongside", "part2": True}
        agreed = {"recipients": ["referrer"], "purposes": ["treatment"], "signed_at": NOW, "scope": "what became of it"}
        await desk.keep_consent(ConsentGiven(**given, **agreed))
        _, status = await both(port, ASKED)

    assert notes(without) == "Accepted"
    assert "42CFRPart2" not in str(without)
    assert str(status.segment("MSH")[8]) == "42CFRPart2"
    assert [str(each[3])[:9] for each in status.segments("NTE")] == ["Connected", "42 CFR pa"]


async def test_what_an_order_is_answered_is_accounted_for(desk: Desk) -> None:
    async with line(desk) as port:
        await both(port, ordered())
        (accepted,) = await desk.said(ReferralAccepted)
        await desk.hear(facts(accepted)["match"])
        await both(port, ASKED)

    shown = [each for each in await told(desk, str(accepted.referral_id)) if each[0] == "hl7v2"]
    assert shown == [("hl7v2", "accepted", False, 1), ("hl7v2", "matched", True, 1)]


async def test_an_order_that_cannot_be_read_is_told_with_its_place_and_accounted_for(small: Desk) -> None:
    async with line(small) as port:
        answer = await answered(port, ordered(ORC="ORC|RE|R-1^EPIC"))

    assert str(answer.segment("MSH")[9]) == "ACK^O19^ACK"
    assert [str(answer.segment("MSA")[each]) for each in (1, 2)] == ["AE", "ORDER-1"]
    assert str(answer.segment("ERR")[2]) == "ORC^1^1"
    assert str(answer.segment("ERR")[3]) == "103^Table value not found^HL70357"
    assert (await small.figures())["referrals_refused"] == 1


@pytest.mark.parametrize(
    ("written", "echoed"),
    [
        ("889^^1.2.840.99^ISO", "889^^1.2.840.99^ISO"),
        ("889^EPIC", "889^EPIC"),
        ("889^^urn:uuid:7d1f^URI", "889^^urn:uuid:7d1f^URI"),
        ("889", "889"),
    ],
)
async def test_a_number_goes_back_as_it_came(small: Desk, written: str, echoed: str) -> None:
    async with line(small) as port:
        _, status = await both(port, ordered(ORC=f"ORC|NW|{written}", OBR="OBR|1|||H0038^Peer services^HCPCS"))

    assert str(status.segment("ORC")[2]) == echoed


async def test_an_order_on_the_bus_is_told_on_the_status_stream(desk: Desk) -> None:
    await desk.post_on_bus(ordered(), media="application/hl7-v2")
    await desk.post_on_bus(unordered(), media="application/hl7-v2")

    assert [each["status"] for each in await desk.told()] == ["accepted", "cancelled"]
