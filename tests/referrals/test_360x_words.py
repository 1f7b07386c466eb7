"""An order of 360X is read as the same referral as a REF, or refused with the segment and the remedy."""

from functools import partial
from typing import get_args
from uuid import uuid4

import pytest

from services.referrals.hl7v2 import answers, request
from services.referrals.hl7v2 import message as messages
from services.referrals.hl7v2.answers import ORDERS, Standing
from services.referrals.rules.journey import TaskStatus
from services.referrals.store import content_of
from tests.referrals.makers import NOW
from tests.referrals.pipes import HL7, ORDER, changed, message, order, ordered, refusal, unordered

LAB = "OBR|1|R-1^EPIC||24323-8^Comprehensive metabolic panel^LN"
field = partial(changed, ORDER)


def test_an_order_says_the_same_as_the_ref_of_the_same_referral() -> None:
    mine, theirs = order(ordered()), order(message())

    # RF1-10 is a reason, which people read; OBR-4 is the service itself.
    assert theirs.notes == ["Referral to peer support", *mine.notes]
    assert mine.model_copy(update={"notes": theirs.notes}) == theirs


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("20261123001^EPIC", "20261123001"),
        ("20261123000123^EPIC", "20261123000123"),
        ("2026112300", "2026112300"),
        ("20261123001", "20261123001"),
        ("20261123", None),
        ("20261123143000", None),
    ],
)
def test_a_number_that_begins_with_a_day_is_a_number(written: str, number: str | None) -> None:
    found = order(ordered(ORC=f"ORC|NW|{written}", OBR="OBR|1|||57133-1^^LN")).identifier

    assert (found.value if found else None) == number


def test_what_failed_is_told_as_over() -> None:
    told = get_args(TaskStatus)

    assert {each for each in told if each not in ORDERS} == {"on-hold"}
    assert ORDERS["failed"] == ("UA", "CA")


@pytest.mark.parametrize("business", ["closed", "linked"])
@pytest.mark.parametrize("status", ["cancelled", "failed", "rejected"])
def test_what_people_ended_is_told_as_that_and_not_as_asked(status: str, business: str) -> None:
    read = messages.read(ordered(MSH=ORDER["MSH"].removesuffix("|||NE|NE|||||360X")))
    stands = Standing(
        referral_id=uuid4(), identifier=None, status=status, business=business, told="Not connected", reason="No place."
    )

    (answer,) = answers.told(read, stands, at=NOW, answer_id=uuid4())

    assert answer.decode().split("\r")[-2].startswith("ORC|OC|")
    assert answer.decode().split("\r")[-2].endswith("|^No place.")


@pytest.mark.parametrize("media", [HL7, "text/plain; charset=utf-8", ""])
def test_an_order_comes_in_on_the_bus_by_its_content_type_or_its_beginning(media: str) -> None:
    assert order(ordered(), media) == order(ordered())


@pytest.mark.parametrize(
    ("code", "reason", "diagnosis", "service"),
    [
        ("461481000124109^Referral to peer support^SCT", "", False, "peer_support"),
        ("H0038^Self-help/peer services^HCPCS", "", False, "peer_support"),
        ("^Peer mentor, weekly", "", False, "peer_support"),
        ("57133-1^^LN", "", True, "peer_support"),
        ("57133-1^^LN", "^Please arrange a peer mentor", False, "peer_support"),
        ("57133-1^^LN", "F41.1^Generalized anxiety^I10C", False, "peer_support"),
        ("57133-1^^LN", "^Rule out headache", False, "other"),
        ("57133-1^^LN", "", False, "other"),
        ("24323-8^Comprehensive metabolic panel^LN", "", True, "other"),
        ("24323-8^Comprehensive metabolic panel^LN", "^Attends a peer group already", True, "other"),
        ("183524004^Referral to psychiatry^SCT", "", True, "other"),
    ],
)
def test_which_orders_are_for_peer_support_and_which_for_another_service(
    code: str, reason: str, diagnosis: bool, service: str
) -> None:
    written = "|".join(["OBR", "1", "R-1^EPIC", "", code, *[""] * 26, reason])
    raw = ordered(OBR=written) if diagnosis else ordered(OBR=written, DG1=None)

    assert order(raw).service == service


@pytest.mark.parametrize(
    ("raw", "place", "remedy"),
    [
        (ordered(ORC=None), "ORC", "send the ORC segment"),
        (ordered(ORC=field("ORC", 1, "")), "ORC-1", "say NW for a new order"),
        (ordered(ORC=field("ORC", 1, "RE")), "ORC-1", "say NW for a new order"),
        (ordered(ORC=field("ORC", 5, "CA")), "ORC-5", "say CA in ORC-1"),
        (ordered("ORC|NW|R-2^EPIC", LAB), "ORC(2)", "send one order a message"),
        (ordered(OBR=None), "OBR-4", "say what is ordered"),
        (ordered(OBR="OBR|1|R-1^EPIC"), "OBR-4", "say what is ordered"),
        (ordered(PID=None), "PID", "send the PID segment"),
        (ordered(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||some"), "OBX-5", "answer with one of"),
        (ordered(ORC=field("ORC", 2, "R" * 300)), "ORC-2", ""),
        (ordered(ORC="ORC|CA", OBR=None), "ORC-2", "name the order you take back"),
        (ordered(ORC=field("ORC", 1, "SS")), "ORC-1", "send REF^I12"),
        (unordered(control="OK"), "ORC-1", "say CA to take an order back"),
        (unordered(ORC="ORC|CA"), "ORC-2", "name the order you take back"),
        (unordered(ORC=None), "ORC", "send the ORC segment"),
    ],
)
def test_what_is_no_order_to_peer_support_is_refused_with_its_place(raw: bytes, place: str, remedy: str) -> None:
    where, what = refusal(raw)

    assert where == place
    assert what.startswith(remedy)


@pytest.mark.parametrize("kind", ["OMG^O20", "ORG^O20", "ORM^O01", "SIU^S12", "OSU^O52"])
def test_another_message_than_an_order_is_none_of_ours(kind: str) -> None:
    header = ORDER["MSH"].replace("OMG^O19^OMG_O19", kind)

    assert refusal(ordered(MSH=header))[0] == "MSH-9"


@pytest.mark.parametrize("kind", ["OMG^O19", "OMG_O19", "OMG", "omg^o19"])
def test_the_kind_of_an_order_may_be_written_shorter(kind: str) -> None:
    assert order(ordered(MSH=ORDER["MSH"].replace("OMG^O19^OMG_O19", kind))) == order(ordered())


@pytest.mark.parametrize(
    "raw",
    [
        unordered(),
        unordered(control="DC"),
        unordered(PID=None),
        unordered(ORC="ORC|SC|R-1^EPIC|||CA"),
        unordered(ORC="ORC|1|CA|R-1^EPIC"),
        ordered(ORC=field("ORC", 1, "CA")),
        ordered(ORC=field("ORC", 1, "ca"), OBR=None, PID=None),
    ],
)
def test_an_order_that_is_taken_back_is_withdrawn(raw: bytes) -> None:
    told = order(raw)

    assert told.status == "withdrawn"
    assert told.identifier == order(ordered()).identifier


def test_a_completed_order_is_asked_about_as_in_fhir() -> None:
    assert order(ordered(ORC=field("ORC", 5, "CM"))).status == "completed"


@pytest.mark.parametrize(
    ("segment", "number", "written", "urgency"),
    [
        ("TQ1", 9, "S^Stat^HL70485", "urgent"),
        ("TQ1", 9, "R^STAT", "urgent"),
        ("TQ1", 9, "R~A^ASAP", "priority"),
        ("TQ1", 9, "PRN", "routine"),
        ("ORC", 7, "1^^^^^A", "priority"),
        ("OBR", 5, "S", "urgent"),
        ("OBR", 27, "^^^^^S", "urgent"),
    ],
)
def test_haste_is_read_wherever_a_version_writes_it(segment: str, number: int, written: str, urgency: str) -> None:
    assert order(ordered(**{segment: field(segment, number, written)})).urgency == urgency


def test_the_number_of_an_order_keeps_who_gave_it() -> None:
    told = order(ordered(ORC=field("ORC", 2, "889^^1.2.840.99^ISO"))).identifier

    assert told and (told.system, told.value) == ("urn:oid:1.2.840.99", "889")


def test_what_the_giver_of_a_number_is_called_besides_is_kept_and_changes_nothing() -> None:
    named = order(ordered(ORC=field("ORC", 2, "889^EPIC^1.2.840.99^ISO")))
    plain = order(ordered(ORC=field("ORC", 2, "889^^1.2.840.99^ISO")))

    assert (named.namespace, plain.namespace, order(ordered()).namespace) == ("EPIC", "", "")
    assert named.identifier == plain.identifier
    assert content_of("general-hospital", named) == content_of("general-hospital", plain)


def test_a_date_in_place_of_the_orders_number_is_no_number() -> None:
    told = order(ordered(ORC=field("ORC", 2, "20260302"))).identifier

    assert told and (told.system, told.value) == ("EPIC", "R-1")
    assert order(ordered(ORC=field("ORC", 2, "20260302"), OBR="OBR|1|||H0038^Peer^HCPCS")).identifier is None


def test_an_orc_whose_fields_are_shifted_by_one_says_the_same() -> None:
    assert order(ordered(ORC=ORDER["ORC"].replace("ORC|", "ORC|1|", 1))) == order(ordered())


def test_the_segments_of_an_order_may_stand_anywhere() -> None:
    header, *rest = ORDER.values()

    assert order("\n".join([header, *reversed(rest)]).encode()) == order(ordered())


@pytest.mark.parametrize("missing", ["TQ1", "DG1", "OBX"])
def test_an_order_without_what_real_systems_leave_out_is_read(missing: str) -> None:
    assert order(ordered(**{missing: None})).service == "peer_support"


def test_notes_about_an_order_reach_people_and_those_about_results_only_where_they_tell_of_danger() -> None:
    about = ordered(
        OBR=ORDER["OBR"] + "\rNTE|1||Likes mornings",
        OBX="OBX|1|TX|1^Comment^L||sodium is fine\rNTE|1||haemolysed",
    )
    danger = ordered(OBX="OBX|1|TX|1^Comment^L||said she wants to die")

    assert order(about).notes[0] == "Likes mornings"
    assert not any("haemolysed" in each or "sodium" in each for each in order(about).notes)
    assert "said she wants to die" in order(danger).notes


def test_results_of_before_are_no_orders_and_their_danger_is_heard() -> None:
    prior = ("ORC|PR|L-9^LAB", LAB.replace("R-1^EPIC", "L-9^LAB"), "NTE|1||haemolysed", "OBX|1|TX|1^C^L||wants to die")

    told = order(ordered(*prior))

    assert (told.service, told.identifier) == ("peer_support", order(ordered()).identifier)
    assert "wants to die" in told.notes
    assert not any("haemolysed" in each for each in told.notes)


def test_a_peer_group_among_results_of_before_makes_no_referral_of_a_lab_order() -> None:
    assert order(ordered("ORC|PR|L-9^LAB", "OBR|2|L-9^LAB||H0038^Peer services^HCPCS", OBR=LAB)).service == "other"


def test_why_an_order_is_taken_back_reaches_people() -> None:
    assert any("They moved away" in each for each in order(unordered()).notes)


@pytest.mark.parametrize(("encoding", "declared"), [("utf-8", ""), ("latin-1", "8859/1"), ("latin-1", "UNICODE UTF-8")])
def test_names_in_an_order_survive_whatever_msh_18_says(encoding: str, declared: str) -> None:
    raw = ordered(MSH=field("MSH", 18, declared), PID=ORDER["PID"].replace("ANA", "ZOÉ"))

    assert order(raw.decode().encode(encoding)).person.first_name == "ZOÉ"


def test_a_part_2_label_protects_an_order_as_it_does_a_ref() -> None:
    assert order(ordered(MSH=field("MSH", 8, "42CFRPart2"))).part2


def test_where_an_order_stands_is_asked_by_its_number() -> None:
    asked = messages.read(ordered(ORC="ORC|SS|R-1^EPIC", OBR=None))

    assert request.is_question(asked)
    assert request.asked_about(asked) == order(ordered()).identifier
