"""A hospital's interface engine sends HL7 v2 over MLLP and is answered on the same line, whatever it sends."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

import hl7
import pytest

from deploy import ports
from services.referrals import handlers
from services.referrals.edge import Edge
from services.referrals.mllp import Line, Taking, listening
from shared.events.referrals import ConsentGiven, CrisisRaised, ReferralAccepted
from tests.referrals.makers import NOW, Desk
from tests.referrals.pipes import SEGMENTS, event, message
from tests.referrals.test_following import facts

VT, FS = b"\x0b", b"\x1c"


@asynccontextmanager
async def line(desk: Desk, organisation: str = "general-hospital") -> AsyncIterator[int]:
    """An open port of an organisation."""
    service = desk.service
    receive = service.mailbox.together(partial(handlers.receive, programme=service.programme))
    edge = Edge(
        receive=receive,
        disclose=service.mailbox.together(handlers.disclose),
        run=service.mailbox.run,
        database=service.database,
        programme=service.programme,
    )
    taking = Taking(edge=edge, pace=service.http.state.pace)
    port = ports.free()
    async with listening([Line(organisation, ports.LOOPBACK, port)], taking, None):
        yield port


async def talk(port: int, *blocks: bytes) -> list[hl7.Message]:
    """Send blocks of bytes as they are, and read an answer to each frame among them."""
    reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
    answers = []
    for block in blocks:
        writer.write(block)
        for _ in range(block.count(FS)):
            raw = await asyncio.wait_for(reader.readuntil(FS + b"\r"), 10)
            answers.append(hl7.parse(raw[1:-2].decode()))
    writer.close()
    return answers


def frame(raw: bytes) -> bytes:
    return VT + raw + FS + b"\r"


async def answered(port: int, raw: bytes) -> hl7.Message:
    """The answer to one message."""
    (answer,) = await talk(port, frame(raw))
    return answer


async def test_a_suspended_organisation_is_told_so_and_nothing_of_it_is_taken_in(desk: Desk) -> None:
    organisations = desk.service.programme.organisations
    suspended = organisations["general-hospital"].model_copy(update={"suspended": True})
    organisations["general-hospital"] = suspended

    async with line(desk) as port:
        answer = await answered(port, message())

    assert str(answer.segment("MSA")[1]) == "AE"
    assert "your organisation is suspended" in str(answer.segment("ERR")[8])
    assert await desk.said(ReferralAccepted) == []


async def test_a_referral_is_taken_in_and_answered_with_where_it_stands(desk: Desk) -> None:
    async with line(desk) as port:
        answer = await answered(port, message())

    assert str(answer.segment("MSH")[9]) == "RRI^I12^RRI_I12"
    assert [str(answer.segment("MSH")[each]) for each in (3, 4, 5, 6)] == [
        "ALONGSIDE",
        "PEER SUPPORT",
        "EPIC",
        "GENERAL HOSPITAL",
    ]
    assert [str(answer.segment("MSA")[each]) for each in (1, 2)] == ["AA", "MSG-1"]
    (accepted,) = await desk.said(ReferralAccepted)
    assert str(answer.segment("RF1")[11]) == f"{accepted.referral_id}^ALONGSIDE"
    assert [str(answer.segment("RF1")[each]) for each in (1, 6)] == ["A", "R-1^EPIC"]
    assert (accepted.organisation, accepted.needs.challenges) == ("general-hospital", ["depression"])


async def test_the_port_says_who_sends_whatever_the_message_says(small: Desk) -> None:
    async with line(small, "silent-centre") as port:
        await answered(port, message())

    (accepted,) = await small.said(ReferralAccepted)
    assert accepted.organisation == "silent-centre"


async def test_the_same_message_again_is_the_same_referral(desk: Desk) -> None:
    async with line(desk) as port:
        first, second = await talk(port, frame(message()) + frame(message()))

    assert str(first.segment("RF1")[11]) == str(second.segment("RF1")[11])
    assert (await desk.figures())["referrals_duplicates"] == 1


async def test_a_sign_of_danger_is_answered_with_the_emergency_words_and_a_time(desk: Desk) -> None:
    async with line(desk) as port:
        answer = await answered(port, message(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||flagged"))

    assert await desk.said(CrisisRaised)
    told = str(answer.segment("NTE")[3])
    assert "This is not an emergency service" in told
    assert "A person will phone you by 12:15 on Monday" in told
    assert "911" in told and "988" in told


async def test_a_status_is_told_for_a_referral_of_ones_own(desk: Desk) -> None:
    asked = message(MSH=event("I15", "MSG-2"), PID=None, DG1=None, OBX=None)
    async with line(desk) as port, line(desk, "silent-centre") as other:
        before = await answered(port, asked)
        taken = await answered(port, message())
        mine = await answered(port, asked)
        theirs = await answered(other, asked)

    assert str(before.segment("ERR")[3]) == str(theirs.segment("ERR")[3])
    assert str(theirs.segment("ERR")[3]).startswith("204^")
    assert str(mine.segment("MSH")[9]) == "RRI^I15^RRI_I15"
    assert str(mine.segment("RF1")[11]) == str(taken.segment("RF1")[11])


async def test_what_is_wrong_is_told_with_its_place_and_accounted_for(small: Desk) -> None:
    async with line(small) as port:
        answer = await answered(port, message(RF1=None))

    assert [str(answer.segment("MSA")[each]) for each in (1, 2)] == ["AE", "MSG-1"]
    assert str(answer.segment("ERR")[2]) == "RF1^1"
    assert str(answer.segment("ERR")[3]) == "101^Required field missing^HL70357"
    assert str(answer.segment("ERR")[8]).startswith("RF1: send the RF1 segment")
    assert (await small.figures())["referrals_refused"] == 1


@pytest.mark.parametrize("kind", ["ADT^A01^ADT_A01", "ORU^R01", "REF^I99", "REF", ""])
async def test_another_message_is_rejected(small: Desk, kind: str) -> None:
    header = SEGMENTS["MSH"].replace("REF^I12^REF_I12", kind)
    async with line(small) as port:
        answer = await answered(port, message(MSH=header))

    assert str(answer.segment("MSA")[1]) == "AR"
    assert str(answer.segment("ERR")[3]).startswith("200^")


async def test_what_cannot_be_read_is_answered_under_its_number(small: Desk) -> None:
    async with line(small) as port:
        broken, feed = await talk(port, frame(message("NTE|1||\x01")), frame(message("NTE|1||page one\x0cpage two")))

    assert [str(broken.segment("MSA")[place]) for place in (1, 2)] == ["AR", "MSG-1"]
    assert str(broken.segment("MSH")[5]) == str(feed.segment("MSH")[5])
    assert str(feed.segment("MSA")[1]) == "AA"


async def test_what_is_no_message_is_answered_all_the_same(small: Desk) -> None:
    async with line(small) as port:
        answers = await talk(port, frame(b"hello"), frame(b""), frame(message()))

    assert [str(each.segment("MSA")[1]) for each in answers] == ["AR", "AR", "AA"]


async def test_untidy_frames_are_forgiven(small: Desk) -> None:
    async with line(small) as port:
        tight = VT + message() + FS
        answers = await talk(port, tight + b"\r\n" + tight, b"\n\r" + tight)

    assert [str(each.segment("MSA")[1]) for each in answers] == ["AA"] * 3


@pytest.mark.parametrize(
    "noise",
    [b"GET / HTTP/1.1\r\n\r\n" + FS, b"\x16\x03\x01" * 400_000, FS, VT + b"x" * 1_100_000, message()],
    ids=["HTTP", "TLS", "an end only", "too long", "no frame"],
)
async def test_a_line_of_noise_is_closed_at_once_and_the_next_one_works(small: Desk, noise: bytes) -> None:
    async with line(small) as port:
        reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        writer.write(noise)
        # What was sent and nobody reads any more is answered with a reset.
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        answer = await answered(port, message())

    assert str(answer.segment("MSA")[1]) == "AA"


async def test_pieces_of_a_message_are_put_together_and_a_broken_line_takes_nothing_in(small: Desk) -> None:
    raw = frame(message())
    async with line(small) as port:
        _, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        writer.write(raw[: len(raw) // 2])
        await writer.drain()
        writer.close()
        reader, writer = await asyncio.open_connection(ports.LOOPBACK, port)
        for place in range(0, len(raw), 100):
            writer.write(raw[place : place + 100])
            await writer.drain()
            await asyncio.sleep(0)
        answer = await asyncio.wait_for(reader.readuntil(FS), 10)
        writer.close()

    assert b"MSA|AA|MSG-1" in answer
    assert (await small.figures())["referrals_received"] == 1


async def test_after_a_fault_of_ours_a_sender_is_told_to_send_it_again(small: Desk) -> None:
    async with line(small) as port:
        async with small.service.database.transaction() as db:
            await db.exec_driver_sql("alter table referrals rename to elsewhere")
        answer = await answered(port, message())

    assert str(answer.segment("MSA")[1]) == "AR"
    assert str(answer.segment("ERR")[8]).startswith("a fault of ours: nothing was taken in")


async def test_what_people_must_read_of_a_protected_person_comes_with_its_notice(desk: Desk) -> None:
    taken = message(DG1="DG1|1||F10.20^Alcohol dependence^I10C")
    asked = message(MSH=event("I15", "MSG-2"), PID=None, DG1=None, OBX=None)
    async with line(desk) as port:
        await answered(port, taken)
        (accepted,) = await desk.said(ReferralAccepted)
        given = {"consent_id": uuid4(), "person_id": accepted.person_id, "discloser": "alongside", "part2": True}
        told = {"recipients": ["referrer"], "purposes": ["treatment"], "signed_at": NOW, "scope": "what became of it"}
        await desk.keep_consent(ConsentGiven(**given, **told))
        await desk.hear(facts(accepted)["match"])
        answer = await answered(port, asked)

    assert str(answer.segment("MSH")[8]) == "42CFRPart2"
    assert [str(each[3])[:9] for each in answer.segments("NTE")] == ["Connected", "42 CFR pa"]


async def test_python_hl7s_own_client_is_answered(small: Desk, tmp_path: Path) -> None:
    posted = tmp_path / "referral.hl7"
    posted.write_bytes(message())
    client = Path(sys.executable).with_name("mllp_send")
    async with line(small) as port:
        command = [str(client), "--loose", "--file", str(posted), "--port", str(port), ports.LOOPBACK]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        told, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 0
    assert b"MSA|AA|MSG-1" in told
