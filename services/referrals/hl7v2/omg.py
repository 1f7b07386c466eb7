"""What an order of 360X asks for (OMG^O19, and OSU^O51 where it is taken back): ORC, TQ1 and OBR."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from services.referrals.fhir import codes
from services.referrals.fhir.outcome import refuse
from services.referrals.hl7v2 import words
from services.referrals.hl7v2.asked import WHOSE, Asked, Places, diagnoses, numbers, ours_among, soonest, text_of
from services.referrals.hl7v2.message import Message, Segment, Value

NEW, BACK, STATUS, PRIOR = ("NW", "XO"), ("CA", "DC"), "SS", "PR"
"""ORC-1 (HL7 table 0119): new or changed, taken back, asks where it stands; and what goes with a result of before."""

CONTROLS = {*NEW, *BACK, STATUS, PRIOR, "SC"}
ENDED = "CM"
"""ORC-5 of an order that is completed (HL7 table 0038)."""

WHY, MORE = 31, 13
"""Fields of OBR that say why: coded or in words, and what else is to be known."""

PLACES: Places = ((r"ServiceRequest\.identifier", "ORC-2"), (r"ServiceRequest\.reasonCode", "OBR-31"), *WHOSE)
KNOWN = "say NW for a new order, XO for one that changed, CA for one you take back, or SS to ask where it stands"


def is_question(message: Message) -> bool:
    """This will say whether a message asks where an order stands."""
    return message.kind[0] == "OMG" and any(_control(each) == STATUS for each in _lined_up(message))


def takes_back(message: Message) -> bool:
    """This will say whether a message takes an order back."""
    return not is_question(message) and _status(message, _order(message)) == "revoked"


def asked(message: Message) -> Asked:
    """This will read what an order asks for; Refused where it says neither what for, nor that it is taken back."""
    order = _order(message)
    own, status = _own(message), _status(message, order)
    back = status == "revoked"
    mine = [each for each in own.every("OBR") if each.after != PRIOR]
    known = numbers([(each, 2) for each in (order, *mine)])
    if back and not known:
        raise refuse("required", "ORC-2", "name the order you take back by the number you sent it with")
    return Asked(
        message=own,
        segment="ORC",
        places=PLACES,
        numbers=known,
        status=status,
        priority=soonest(_haste(message, order, mine)),
        code={} if back else _service(message, mine),
        authored=words.moment(order.text(9)) or words.moment(order.text(15)),
        reasons=[each for segment in mine for each in segment.values(WHY)] + diagnoses(message),
        texts=[each.whole() for each in (*order.values(16), *(one for each in mine for one in each.values(MORE)))],
        nobody=back,
    )


def asked_about(message: Message) -> list[dict[str, Any]]:
    """This will read whose status is asked for: the number in ORC-2, or in OBR-2 where there is none."""
    return numbers([(_order(message), 2), *((each, 2) for each in message.every("OBR"))])


def _order(message: Message) -> Segment:
    """This will find the ORC of the order itself; Refused where there is none, or more than one."""
    found = [each for each in _lined_up(message) if _control(each) != PRIOR]
    if not found:
        raise refuse("required", "ORC", "send the ORC segment: it says whether an order is new or taken back")
    if len(found) > 1:
        raise refuse("structure", found[1].place, "send one order a message")
    return found[0]


def _lined_up(message: Message) -> Iterator[Segment]:
    """This will give each ORC, also where a number in front shifts its fields by one."""
    for each in message.every("ORC"):
        shifted = replace(each, by=1)
        yield shifted if _control(each) not in CONTROLS and _control(shifted) in CONTROLS else each


def _control(order: Segment) -> str:
    return order.text(1).upper()


def _status(message: Message, order: Segment) -> Literal["active", "revoked", "completed"]:
    control, now = _control(order), order.text(5).upper()
    if control in BACK or (message.kind[0] == "OSU" and control in ("", "SC") and now in BACK):
        return "revoked"
    if message.kind[0] == "OSU":
        raise refuse("code-invalid", "ORC-1", "say CA to take an order back: the status of an order is for us to tell")
    if control not in NEW:
        raise refuse("code-invalid" if control else "required", "ORC-1", KNOWN)
    if now in BACK:
        raise refuse("code-invalid", "ORC-5", "say CA in ORC-1 to take an order back, or leave ORC-5 out")
    return "completed" if now == ENDED else "active"


def _own(message: Message) -> Message:
    """This will tell notes about the order from those about results: a note after its OBR is about the order.

    What goes with a result of before comes after `PR`.
    """
    segments, prior = [], False
    orders = iter(list(_lined_up(message)))
    for each in message.segments:
        if each.name == "ORC":
            prior = _control(next(orders)) == PRIOR
        if each.name == "OBR" and prior:
            segments.append(replace(each, after=PRIOR))
        elif each.name == "NTE" and each.after in ("OBR", "ORC"):
            segments.append(replace(each, after="OBR" if prior else "ORC"))
        else:
            segments.append(each)
    return Message(tuple(segments))


def _haste(message: Message, order: Segment, mine: list[Segment]) -> Iterator[Value]:
    """This will give how soon it is asked for: TQ1-9, and where older versions write it."""
    for each in message.every("TQ1"):
        yield from each.values(9)
    yield Value(order.value(7).parts[5:6])
    for each in mine:
        yield from (each.value(5), Value(each.value(27).parts[5:6]))


def _service(message: Message, mine: list[Segment]) -> dict[str, Any]:
    """This will give the service ordered: ours, or another's; of "a referral" the reasons may say that it is ours."""
    named = [each.value(field) for field in (4, 44) for each in mine]
    if not any(named):
        asks = "say what is ordered: 461481000124109 is peer support, 57133-1 a referral for a reason we know"
        raise refuse("required", "OBR-4", asks)
    found = [words.concept(each) for each in (*named, *(each.value(3) for each in message.every("PR1"))) if each]
    if ours := ours_among(found, "OBR-4"):
        return ours
    some = (each for each in found if codes.ANY_REFERRAL & {coding["code"] for coding in each["coding"]})
    if not (referral := next(some, None)):
        return found[0]
    why = [each for segment in mine for field in (WHY, MORE) for each in segment.values(field)]
    told = [words.concept(each) for each in why] + [text_of(each) for each in why]
    return ours_among(told, "OBR-31") or referral
