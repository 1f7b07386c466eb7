"""docs/hl7v2.md is true to the code: its example is taken in, and every error it shows is what one gets."""

import hl7
import pytest

from shared.events.referrals import ReferralAccepted
from tests.demos import ROOT
from tests.docs.pages import rows_of
from tests.referrals.makers import Desk
from tests.referrals.pipes import SEGMENTS, event, message
from tests.referrals.test_mllp import answered, line

PAGE = (ROOT / "docs" / "hl7v2.md").read_text()
EXAMPLE = (ROOT / "docs" / "examples" / "referral.hl7").read_bytes()
WRONG: dict[str, bytes] = {
    "no RF1": message(RF1=None),
    "no PID": message(PID=None),
    "another word for risk": message(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||some"),
    "an unknown number in an I15": message(MSH=event("I15")),
    "another message": message(MSH=SEGMENTS["MSH"].replace("REF^I12^REF_I12", "ADT^A01")),
    "no HL7 v2": b"hello",
}


def said(answer: hl7.Message) -> list[str]:
    """What an answer says, as the table has it."""
    segment = answer.segment("ERR")
    return [str(answer.segment("MSA")[1]), str(segment[2]), answer.unescape(str(segment[8]))]


@pytest.mark.parametrize("what", WRONG)
async def test_every_error_is_answered_as_the_page_says(desk: Desk, what: str) -> None:
    async with line(desk) as port:
        assert said(await answered(port, WRONG[what])) == rows_of(PAGE)[what]


def test_every_error_of_the_page_is_tried() -> None:
    assert set(rows_of(PAGE)) == set(WRONG)


async def test_the_example_is_taken_in(desk: Desk) -> None:
    async with line(desk) as port:
        answer = await answered(port, EXAMPLE)

    assert str(answer.segment("MSA")[1]) == "AA"
    (accepted,) = await desk.said(ReferralAccepted)
    assert (accepted.needs.challenges, accepted.preferences.languages) == (["depression"], ["es"])
    assert accepted.funded
