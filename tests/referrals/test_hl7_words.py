"""HL7 v2 as partners really write it is read as the referral it means, or refused with the segment and the remedy."""

import json
from datetime import date
from functools import partial

import pytest

from services.referrals.reading import Refused, read
from tests.referrals.makers import SAMPLES, bundle, needs_samples, sample
from tests.referrals.pipes import SEGMENTS, changed, event, message, order, refusal

field = partial(changed, SEGMENTS)


def test_what_is_to_be_taken_back_has_a_number() -> None:
    taken_back = {"MSH": event("I14"), "RF1": field("RF1", 6, "")}

    assert refusal(message(**taken_back)) == ("RF1-6", "send the number of the referral that is to be taken back")


def test_reads_everything_that_a_referral_says() -> None:
    told = order(message())

    assert (told.identifier and (told.identifier.system, told.identifier.value)) == ("EPIC", "R-1")
    assert (told.service, told.urgency, told.status, told.risk) == ("peer_support", "routine", "active", "none")
    assert (told.person.first_name, told.person.family_name, told.person.gender) == ("ANA", "EXAMPLE", "female")
    assert told.person.birth_date == date(1990, 5, 6)
    assert [(each.channel, each.address) for each in told.person.reaches] == [("sms", "+12125550123")]
    assert [(each.system, each.value) for each in told.person.identifiers] == [("GENERAL", "M-1")]
    assert (told.person.languages, told.needs.challenges) == (["es"], ["depression"])
    assert told.authored_at and told.authored_at.date() == date(2026, 3, 2)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_any_line_end_will_do(end: str) -> None:
    assert order(message(end=end)) == order(message())


@pytest.mark.parametrize("media", ["application/hl7-v2", "x-application/hl7-v2+er7", "text/plain; charset=utf-8", ""])
def test_a_message_is_known_by_its_content_type_or_by_how_it_begins(media: str) -> None:
    assert order(message(), media) == order(message())


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("", "utf-8"),
        ("UNICODE UTF-8", "utf-8"),
        ("8859/1", "latin-1"),
        ("8859/15", "iso8859-15"),
        ("", "latin-1"),
        ("ASCII", "latin-1"),
        ("8859/1", "utf-8"),
        ("UNICODE UTF-8", "latin-1"),
    ],
)
def test_names_survive_whatever_msh_18_says(declared: str, encoding: str) -> None:
    header = field("MSH", 18, declared)
    raw = message(MSH=header, PID=SEGMENTS["PID"].replace("ANA", "ZOÉ")).decode().encode(encoding)

    assert order(raw).person.first_name == "ZOÉ"


def test_escape_sequences_are_resolved() -> None:
    told = order(message(r"NTE|1||likes tea \T\ walks \F\ talks\.br\and \X4A6F\ \Zfoo\ \H\loud\N\ ", OBX=None))

    assert told.notes[0] == "likes tea & walks | talks\nand Jo  loud"


def test_a_note_keeps_what_only_looks_like_a_delimiter() -> None:
    assert order(message("NTE|1||sleep & appetite ^ mood", OBX=None)).notes[0] == "sleep & appetite ^ mood"


def test_without_an_rf1_a_message_never_becomes_a_referral() -> None:
    assert refusal(message(RF1=None)) == ("RF1", "send the RF1 segment: without it a message is no referral")


def test_without_a_pid_nobody_is_referred() -> None:
    assert refusal(message(PID=None))[0] == "PID"


@pytest.mark.parametrize(
    "shifted",
    [
        SEGMENTS["RF1"].replace("RF1|", "RF1|1|", 1),
        SEGMENTS["RF1"].replace("RF1|P^Pending^HL70283|", "RF1|", 1),
    ],
)
def test_an_rf1_whose_fields_are_shifted_by_one_says_the_same(shifted: str) -> None:
    assert order(message(RF1=shifted)) == order(message())


@pytest.mark.parametrize("status", ["SS", "O", "A^Active", ""])
def test_any_status_of_a_new_referral_is_taken_as_active(status: str) -> None:
    assert order(message(RF1=field("RF1", 1, status))).status == "active"


def test_a_date_in_place_of_the_number_is_no_number() -> None:
    only_date = field("RF1", 6, "20260302^EPIC")
    with_external = "|".join([*only_date.split("|"), "X-7^EXT"])

    assert order(message(RF1=only_date)).identifier is None
    told = order(message(RF1=with_external)).identifier
    assert told and (told.system, told.value) == ("EXT", "X-7")


@pytest.mark.parametrize("born", ["19761325", "1976", "unknown", ""])
def test_a_birth_date_that_cannot_be_is_asked_about_and_never_refused(born: str) -> None:
    assert order(message(PID=field("PID", 7, born))).person.birth_date is None


@pytest.mark.parametrize("missing", ["PRD", "DG1", "OBX"])
def test_a_referral_without_what_real_systems_leave_out_is_read(missing: str) -> None:
    assert order(message(**{missing: None})).person.first_name == "ANA"


def test_segments_may_stand_in_any_order() -> None:
    header, *rest = SEGMENTS.values()

    assert order("\r".join([header, *reversed(rest)]).encode()) == order(message())


def test_a_person_without_a_number_is_read() -> None:
    assert order(message(PID=field("PID", 3, ""))).person.identifiers == []


@pytest.mark.parametrize(
    ("written", "urgency"),
    [
        ("S^Stat^HL70280", "urgent"),
        ("A^ASAP^HL70280", "priority"),
        ("R^Routine^HL70280", "routine"),
        ("R^STAT", "urgent"),
        ("S^Routine", "urgent"),
        ("urgent", "priority"),
        ("", "routine"),
        ("Q", "routine"),
    ],
)
def test_a_priority_that_contradicts_itself_is_the_sooner(written: str, urgency: str) -> None:
    assert order(message(RF1=field("RF1", 2, written))).urgency == urgency


@pytest.mark.parametrize(
    ("reason", "kind", "service"),
    [
        ("461481000124109^Referral to peer support^SCT", "MED", "peer_support"),
        ("^Please arrange a peer mentor", "MED", "peer_support"),
        ("", "PSY", "peer_support"),
        ("", "", "peer_support"),
        ("", "MED^Medical", "other"),
        ("", "HOM^Home care", "other"),
    ],
)
def test_a_referral_to_another_service_is_known_as_such(reason: str, kind: str, service: str) -> None:
    referral = field("RF1", 3, kind).split("|")
    referral[10] = reason

    assert order(message(RF1="|".join(referral))).service == service


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("OBX|1|CWE|risk^Risk screen^ALONGSIDE||flagged", "flagged"),
        ("OBX|1|CWE|risk^Risk screen^ALONGSIDE||UNKNOWN", "unknown"),
        ("OBX|1|CWE|risk^Risk screen^ALONGSIDE||none||||||F", "none"),
        ("OBX|1|CWE|risk^Risk screen^ALONGSIDE||none||||||W", None),
        ("OBX|1|CWE|risk^Risk screen^ALONGSIDE||flagged||||||W", "flagged"),
        ("OBX|1|CWE|risk^Risk screen^ALONGSIDE||none~flagged", "flagged"),
        ("OBX|1|ST|93267-3^Suicidal intent^LN||No~Yes", "flagged"),
        ("OBX|1|CWE|93267-3^Suicidal intent^LN||LA33-6^Yes^LN", "flagged"),
        ("OBX|1|ST|93267-3^Suicidal intent^LN||Yes", "flagged"),
        ("OBX|1|ID|93267-3^Suicidal intent^LN||Y", "flagged"),
        ("OBX|1|ST|93267-3^Suicidal intent^LN||Yes - low, some days", "flagged"),
        ("OBX|1|ST|93267-3^Suicidal intent^LN||No", None),
        ("OBX|1|CE|SI^Suicidal ideation^L||Y^Yes^L", "flagged"),
        ("OBX|1|CE|SI^Suicidal ideation^L||N^No^L", None),
        ("OBX|1|NM|44260-8^PHQ-9 item 9^LN||2", "flagged"),
        ("OBX|1|NM|44260-8^PHQ-9 item 9^LN||1", "flagged"),
        ("OBX|1|NM|44260-8^PHQ-9 item 9^LN||0", None),
        ("OBX|1|ST|93374-7^C-SSRS level^LN||High risk", "flagged"),
        ("OBX|1|ST|93374-7^C-SSRS level^LN||Low risk", None),
        ("OBX|1|ST|93374-7^C-SSRS level^LN||1 - high", "flagged"),
        ("OBX|1|NM|44260-8^PHQ-9 item 9^LN||1.0", "flagged"),
        (None, None),
    ],
)
def test_answers_about_danger_are_read_as_in_fhir(written: str | None, answer: str | None) -> None:
    assert order(message(OBX=written)).risk == answer


def test_another_word_for_risk_is_refused_with_its_place() -> None:
    assert refusal(message(OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||some"))[0] == "OBX-5"


def test_words_of_danger_reach_people_from_wherever_they_stand() -> None:
    told = order(
        message(
            "OBR|1|||22310-7^Lab^LN", "OBX|1|TX|1^Comment^L||said she wants to die", "NTE|1||result comment", PRD=None
        )
    )

    assert "said she wants to die" in told.notes
    assert "result comment" not in told.notes


def test_an_insurance_and_its_authorisation_are_read() -> None:
    told = order(
        message(
            "IN1|1|P3-GARDEN-SUD^Garden|GH|Garden Health||||||||20260101|20261231|||||||||||||||||||||||G-1001",
            "AUT|||GARDEN|20260101|20261231|AUTH-9|||24",
        )
    ).cover

    assert told and (told.payer, told.plan, told.member_id) == ("Garden Health", "P3-GARDEN-SUD", "G-1001")
    assert (told.covered_from, told.covered_to) == (date(2026, 1, 1), date(2026, 12, 31))
    assert (told.authorisation, told.authorised_units) == ("AUTH-9", 24)


def test_who_left_hospital_lately_is_known() -> None:
    stay = "|".join(["PV1", "1", "I", *[""] * 42, "20260301093000-0500"])

    assert order(message(stay)).discharged_on == date(2026, 3, 1)


@pytest.mark.parametrize("place", [8, 26])
def test_a_part_2_label_protects_the_records(place: int) -> None:
    assert order(message(MSH=field("MSH", place, "42CFRPart2"))).part2


def test_a_cancelled_referral_is_withdrawn() -> None:
    assert order(message(MSH=event("I14"))).status == "withdrawn"


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", "MSH"),
        (b"MSH", "MSH"),
        (b"MSH|", "MSH"),
        (b"PID|1", "MSH"),
        (b"MSHx^~y", "MSH"),
        (b"MSH|^^^^|", "MSH-2"),
        (b"FHS|^~\\&|batch\rMSH|^~\\&|", "MSH"),
        (message() + message(), "MSH"),
        (message("NTE|1||a\x00b"), "NTE"),
        (message(*["NTE|1||x"] * 2_000), "MSH"),
        (message("NTE|1||" + "x" * 1_100_000), "MSH"),
        (message(RF1=field("RF1", 6, "R" * 300)), "RF1-6"),
    ],
)
def test_what_is_no_message_is_refused_with_the_place(raw: bytes, place: str) -> None:
    assert refusal(raw)[0] == place


@needs_samples
@pytest.mark.parametrize("name", ["ms_REF-I12-01", "ms_REF-I14-01"])
def test_others_ref_samples_say_the_same_as_the_fhir_bundles_beside_them(name: str) -> None:
    """All but what FHIR-Converter leaves out (phone numbers in parts, the authorisation) and the systems it invents."""
    entries = [each["resource"] for each in sample(f"hl7v2_ref/{name}-expected_fhir_bundle.json")["entry"]]
    theirs = read(bundle_of(entries)).posted[0].order
    ours = order((SAMPLES / "hl7v2_ref" / f"{name}.hl7").read_bytes())

    assert ours.identifier and theirs.identifier and ours.identifier.value == theirs.identifier.value
    for same in ("service", "urgency", "authored_at", "risk", "part2", "needs", "preferences", "discharged_on"):
        assert getattr(ours, same) == getattr(theirs, same), same
    for same in ("first_name", "family_name", "birth_date", "gender", "deceased", "languages"):
        assert getattr(ours.person, same) == getattr(theirs.person, same), same
    for same in ("plan", "member_id", "covered_from", "covered_to"):
        assert getattr(ours.cover, same) == getattr(theirs.cover, same), same
    assert set(theirs.notes) <= set(ours.notes)


def bundle_of(entries: list[dict[str, object]]) -> bytes:
    """A transaction of resources, each under its own name."""
    named = [{**each, "_as": f"{each['resourceType']}/{each['id']}"} for each in entries]
    return json.dumps(bundle(*named)).encode()


@pytest.mark.parametrize(
    "text", [r"stable \ wants to die", r"and\or overdose w\o", "no C:\\dir", r"\Zx \ suicidal", r"\X4\ ok", r"\S kill"]
)
def test_no_word_is_lost_to_an_escape_that_is_none(text: str) -> None:
    assert order(message(f"NTE|1||{text}", OBX=None)).notes[0] == text


def test_a_phrase_over_two_lines_is_read_as_one() -> None:
    results = ["OBX|1|TX|1^Comment^L||she wants to", "OBX|2|TX|1^Comment^L||die", "NTE|1||she said"]

    assert "she wants to\ndie" in order(message(*results, OBX=None)).notes[0]
    assert order(message("NTE|1||wants to", "NTE|2||die", OBX=None)).notes[0] == "wants to\ndie"


@pytest.mark.parametrize("number", [3, 10, 14, 24])
def test_a_reason_longer_than_a_note_is_read_or_refused_with_its_place(number: int) -> None:
    raw = message(RF1=field("RF1", number, "^" + "word " * 5_000))
    try:
        assert sum(map(len, order(raw).notes)) >= 24_000
    except Refused as wrong:
        assert wrong.issues[0].expression in ("DG1-3", "OBR-4", "RF1")


def test_two_quote_marks_say_nothing() -> None:
    told = order(message(RF1=field("RF1", 6, '""'), PID=field("PID", 2, '""') + '||||||||||||||""', DG1='DG1|1||""'))

    assert told.identifier is None
    assert [each.value for each in told.person.identifiers] == ["M-1"]
    assert not told.person.deceased


@pytest.mark.parametrize("kind", ["REF^I15", "RRI^I12", "REF^I99", "ADT^A01", "SIU^S12"])
def test_only_what_refers_becomes_a_referral(kind: str) -> None:
    assert refusal(message(MSH=SEGMENTS["MSH"].replace("REF^I12^REF_I12", kind)))[0] == "MSH-9"


def test_characters_that_are_none_do_not_come_in_by_an_escape() -> None:
    told = order(message(PID=SEGMENTS["PID"].replace("ANA", r"A\X00\N\X1C0B\A")))

    assert told.person.first_name == "ANA"


def test_another_laboratorys_risk_is_not_our_question() -> None:
    assert order(message(OBX="OBX|1|NM|RISK^Fall risk^L||12")).risk is None
