"""A partner is told what would become of a message by the code that would take it in, and nothing runs or stays."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from deploy.premises import known
from tests.demos import ROOT
from tests.deploy.terminal import said
from tests.referrals.makers import SAMPLES, bundle, needs_samples, patient, request, risk
from tests.referrals.pipes import ordered, unordered

EXAMPLES = ROOT / "docs" / "examples"
OURS = {
    "identifier": {"value": "O-1"},
    "risk": "none",
    "person": {"birth_date": "1990-05-06", "reaches": [{"channel": "sms", "address": "+12125550123"}]},
}


def checked(folder: Path, **files: Any) -> dict[str, dict[str, Any]]:
    """What the command says of each message, by the name of its file; `_` in a name stands for the dot."""
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name.replace("_", ".")).write_bytes(raw)
    code, told = said("partner", "check", str(folder), "--json")
    found = {Path(each["message"]).name: each for each in json.loads(told)["messages"]}
    assert code == any(each["verdict"] in ("refused", "declined") for each in found.values())
    return found


def test_says_of_each_dialect_what_would_become_of_it(tmp_path: Path) -> None:
    pipes = (EXAMPLES / "referral.hl7").read_bytes()

    told = checked(tmp_path, a_json=request(), b_hl7=pipes, c_json=OURS)

    assert {name: (each["dialect"], each["verdict"]) for name, each in told.items()} == {
        "a.json": ("FHIR", "accepted"),
        "b.hl7": ("HL7 v2", "accepted"),
        "c.json": ("our JSON", "accepted"),
    }
    assert [each["reply"]["status"] for each in told.values()] == ["201", "AA, RF1-1 A", "status"]


def test_says_of_an_order_by_360x_what_would_become_of_it(tmp_path: Path) -> None:
    told = checked(
        tmp_path,
        a_hl7=(EXAMPLES / "order.hl7").read_bytes(),
        b_hl7=ordered(),
        c_hl7=ordered(ORC="ORC|XO|R-2^EPIC", OBR="OBR|1|||24323-8^Metabolic panel^LN"),
        d_hl7=ordered(ORC="ORC|RE|R-3^EPIC"),
        e_hl7=unordered(),
        f_hl7=ordered(ORC="ORC|NW|R-4^EPIC", OBX="OBX|1|CWE|risk^Risk screen^ALONGSIDE||flagged"),
    )

    assert {name: (each["verdict"], each["reply"]["status"]) for name, each in told.items()} == {
        "a.hl7": ("accepted", "AA, ORC-1 OK"),
        "b.hl7": ("accepted", "AA, ORC-1 OK"),
        "c.hl7": ("declined", "AA, ORC-1 UA"),
        "d.hl7": ("refused", "AE"),
        "e.hl7": ("withdrawn", "AA, ORC-1 CR"),
        "f.hl7": ("danger", "AA, ORC-1 SC"),
    }
    assert told["d.hl7"]["reply"]["words"][0].startswith("ORC-1: say NW for a new order")
    assert {"ORC-1", "ORC-9", "OBR-4", "OBX-5", "PID-13"} <= set(told["b.hl7"]["counts"])
    assert {"ORC-12", "TQ1", "MSH-21"} <= set(told["b.hl7"]["changes_nothing"])


def test_says_where_a_message_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    pipes = (EXAMPLES / "referral.hl7").read_bytes()
    without = b"\r".join(each for each in pipes.splitlines() if not each.startswith(b"RF1"))

    told = checked(
        tmp_path,
        a_json=request(contained=[]),
        b_hl7=without,
        c_json={**OURS, "colour": "red"},
        d_json=b'{"resourceType": ',
    )

    assert {
        name: (each["verdict"], each["reply"]["status"], each["reply"]["words"][0]) for name, each in told.items()
    } == {
        "a.json": (
            "refused",
            "422",
            "ServiceRequest.subject: contain the Patient and refer to it as #id, "
            "or post a transaction Bundle that holds it",
        ),
        "b.hl7": ("refused", "AE", "RF1: send the RF1 segment: without it a message is no referral"),
        "c.json": ("refused", "status", "ReferralOrder.colour: leave out members that are not part of this schema"),
        "d.json": ("refused", "400", "$: mend the JSON at line 1, column 18"),
    }


def test_says_who_looks_first_where_a_message_tells_of_danger(tmp_path: Path) -> None:
    told = checked(tmp_path, a_json=request(answer="flagged"), b_json=request("R-2", answer=None))

    assert [each["verdict"] for each in told.values()] == ["danger", "task"]
    words = " ".join(told["a.json"]["reply"]["words"])
    assert "This is not an emergency service" in words and "call or text 988" in words


def test_another_services_order_is_declined_and_counts_as_no_referral(tmp_path: Path) -> None:
    told = checked(tmp_path, a_json=request(code={"text": "Colonoscopy"}, reasonCode=[]))

    assert told["a.json"]["verdict"] == "declined"
    assert "peer support only" in told["a.json"]["reply"]["words"][1]


def test_every_line_of_ndjson_and_every_message_of_a_file_is_one(tmp_path: Path) -> None:
    lines = b"\n".join(json.dumps(request(each)).encode() for each in ("R-1", "R-2"))
    pipes = (EXAMPLES / "referral.hl7").read_bytes()

    told = checked(tmp_path, a_ndjson=lines, b_hl7=pipes + pipes.replace(b"README-HL7-1", b"README-HL7-2"))

    assert [(name, each["verdict"]) for name, each in told.items()] == [
        ("a.ndjson:1", "accepted"),
        ("a.ndjson:2", "accepted"),
        ("b.hl7:1", "accepted"),
        ("b.hl7:2", "accepted"),
    ]


def test_a_referral_that_comes_again_is_known_and_each_of_a_bundle_has_its_verdict(tmp_path: Path) -> None:
    one = request("R-9", contained=[], subject={"reference": "urn:uuid:ana"})
    two = request("R-10", answer=None, contained=[], subject={"reference": "urn:uuid:ana"})
    whom = patient(_as="urn:uuid:ana")

    told = checked(tmp_path, a_json=request(), b_json=request(), c_json=bundle(whom, one, two))

    assert [each["verdicts"] for each in told.values()] == [["accepted"], ["known"], ["accepted", "task"]]


def test_danger_after_danger_is_answered_as_where_the_pager_works(tmp_path: Path) -> None:
    told = checked(tmp_path, a_json=request(answer="flagged"), b_json=request("R-2", answer="flagged"))

    assert [each["reply"]["status"] for each in told.values()] == ["201", "201"]


def test_tells_which_elements_count_and_which_change_nothing(tmp_path: Path) -> None:
    told = checked(
        tmp_path,
        a_json=request(performer=[{"display": "Somebody"}], contained=[patient(maritalStatus={"text": "M"})]),
        b_hl7=(EXAMPLES / "referral.hl7").read_bytes(),
    )

    fhir, pipes = told["a.json"], told["b.hl7"]
    assert {"ServiceRequest.status", "ServiceRequest.extension(risk)", "Patient.telecom"} <= set(fhir["counts"])
    assert fhir["changes_nothing"] == ["ServiceRequest.performer", "Patient.maritalStatus"]
    assert {"RF1-6", "PID-13", "OBX-5"} <= set(pipes["counts"])
    assert {"PRD", "MSH-3"} <= set(pipes["changes_nothing"])


def test_what_was_understood_names_nobody(tmp_path: Path) -> None:
    told = checked(tmp_path, a_json=request(note=[{"text": "She likes birds"}]))

    understood = json.dumps(told["a.json"]["understood"])
    assert "first name" in understood and "challenges depression" in understood
    for private in ("Ana", "Example", "1990", "5550123", "birds", "M-1"):
        assert private not in understood


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    message, temporary = tmp_path / "a.json", tmp_path / "temporary"
    message.write_text(json.dumps(request()))
    temporary.mkdir()
    command = [sys.executable, "-m", "deploy.alongside", "partner", "check", str(message)]

    told = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, capture_output=True, text=True, check=True
    )

    assert list(temporary.iterdir()) == []
    assert "1 message: 1 accepted." in told.stdout


def test_checks_by_what_a_programme_agreed_with_an_organisation(tmp_path: Path) -> None:
    data, message = tmp_path / "data", tmp_path / "a.json"
    message.write_text(json.dumps(request(answer=None)))
    said("prepare", "--data", str(data))
    hospital = ("clinic", "--name", "C", "--kind", "clinic", "--screens-before-referring")
    assert said("org", "add", *hospital, "--data", str(data))[0] == 0
    before = {each: each.read_bytes() for each in data.rglob("*") if each.is_file()}

    alone = said("partner", "check", str(message), "--json")
    agreed = said("partner", "check", str(message), "--json", "--data", str(data), "--org", "clinic")
    strange = said("partner", "check", str(message), "--data", str(data), "--org", "nobody")

    assert [json.loads(each[1])["messages"][0]["verdict"] for each in (alone, agreed)] == ["task", "accepted"]
    assert strange[0] == 2 and "clinic, programme" in strange[1]
    assert {each: each.read_bytes() for each in data.rglob("*") if each.is_file()} == before
    assert known(data).api_key("clinic")


def test_a_site_that_the_programme_has_not_got_is_refused(tmp_path: Path) -> None:
    site = {"url": risk("none")["url"].replace("risk", "site"), "valueCode": "nowhere"}

    told = checked(tmp_path, a_json=request(extension=[risk("none"), site]))

    assert told["a.json"]["reply"]["words"] == ["site: name a site of this programme, or leave the site out"]


def test_files_that_are_missing_or_hold_nothing_are_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "empty.ndjson").write_text("\n")

    missing = said("partner", "check", str(tmp_path / "nowhere.json"))
    empty = said("partner", "check", str(tmp_path))

    assert missing == (2, f"alongside: {tmp_path}/nowhere.json is missing.\n")
    assert empty[0] == 2 and "There is no message here" in empty[1]


@needs_samples
def test_every_sample_of_others_gets_a_verdict_with_its_reason() -> None:
    code, told = said("partner", "check", str(SAMPLES), "--json")

    found = json.loads(told)["messages"]
    assert code == 1
    assert len(found) == len([each for each in SAMPLES.rglob("*") if each.suffix in (".json", ".hl7")])
    assert [each["message"] for each in found if not any(each["reply"]["words"])] == []
    assert [each["message"] for each in found if not each["reply"]["status"].startswith(("2", "4", "A"))] == []
