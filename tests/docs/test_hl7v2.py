"""docs/hl7v2.md is true to the code: its example is taken in, and every error it shows is what one gets."""

import re

import hl7
import pytest

from services.referrals.hl7v2.answers import ASKED, ENDED, HELD, NOT_FOUND, ORDERS, UNCHANGED
from shared.events.referrals import ReferralAccepted
from tests.demos import ROOT
from tests.docs.pages import rows_of
from tests.referrals.makers import Desk
from tests.referrals.pipes import SEGMENTS, changed, event, message, ordered, unordered
from tests.referrals.test_360x import both
from tests.referrals.test_mllp import answered, line

PAGE = (ROOT / "docs" / "hl7v2.md").read_text()
EXAMPLE = (ROOT / "docs" / "examples" / "referral.hl7").read_bytes()
ORDER = (ROOT / "docs" / "examples" / "order.hl7").read_bytes()
WRONG: dict[str, bytes] = {
    "no RF1": message(RF1=None),
    "no PID": message(PID=None),
    "another word for risk": message(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||some"),
    "an unknown number in an I15": message(MSH=event("I15")),
    "an I14 without a number": message(MSH=event("I14"), RF1=changed(SEGMENTS, "RF1", 6, "")),
    "another message": message(MSH=SEGMENTS["MSH"].replace("REF^I12^REF_I12", "ADT^A01")),
    "no HL7 v2": b"hello",
    "an order without an ORC": ordered(ORC=None),
    "another word in ORC-1": ordered(ORC="ORC|RE|R-1^EPIC"),
    "new and taken back at once": ordered(ORC="ORC|NW|R-1^EPIC|||CA"),
    "an order for nothing": ordered(OBR="OBR|1|R-1^EPIC"),
    "two orders": ordered("ORC|NW|R-2^EPIC"),
    "nothing to take back": unordered(ORC="ORC|CA"),
    "an OSU of ours sent to us": unordered(control="OK"),
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


async def test_the_order_of_the_example_is_taken_in_and_answered_as_the_page_shows(desk: Desk) -> None:
    async with line(desk) as port:
        ack, status = await both(port, ORDER)

    (accepted,) = await desk.said(ReferralAccepted)
    assert (accepted.needs.challenges, accepted.preferences.languages) == (["depression"], ["es"])
    assert accepted.funded
    shown = [each.strip().split("|") for each in PAGE.split("order.hl7")[1].split("```")[1].splitlines() if "|" in each]
    for real, page in zip([*ack, *status], shown[:5], strict=True):
        fields = [str(real[place]) for place in range(1 if page[0] != "MSH" else 2, len(real))]
        same = [one for one, other in zip(fields, page[1:], strict=True) if one == other]
        assert str(real[0]) == page[0] and len(same) >= len(fields) - 3, page


def test_every_standing_of_an_order_is_on_the_page_and_no_other() -> None:
    table = PAGE.split("| we answer: `ORC-1`")[1].split("\n\n")[0].splitlines()[2:]
    cells = [[re.findall(r"`(\w+)`", each) for each in row.split("|")[1:3]] for row in table]
    shown = {(control, status) for controls, statuses in cells for control in controls for status in statuses}

    kept = {(UNCHANGED, each) for each in ("HD", "CM", "CA")}
    assert shown == {*ORDERS.values(), HELD, ENDED, NOT_FOUND, *kept}
    assert [ASKED] in [controls for controls, _ in cells]
