"""A folder is sent to what runs, each message by its way in; what comes from tests reaches no other service."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest

from deploy.nats.permissions import inbox
from deploy.premises import known
from shared import names
from tests.demos import ROOT, Demo, alongside, free_base, until, up
from tests.deploy.terminal import said
from tests.referrals.makers import request

TRIAL = "trial-hospital"
PIPES = (ROOT / "docs" / "examples" / "referral.hl7").read_bytes()
OURS = {
    "identifier": {"value": "outcome-waitlisted-1"},
    "risk": "none",
    "person": {"birth_date": "1990-05-06", "reaches": [{"channel": "sms", "address": "+12125550123"}]},
}


@dataclass(frozen=True)
class Trial:
    """A deployment that runs, into which a hospital was let in that tries its systems."""

    there: Demo
    folder: Path

    def send(self, *options: str, org: str = TRIAL) -> tuple[int, dict[str, Any]]:
        """Send the folder, and give the exit code and what became of each file."""
        code, told = said("send", str(self.folder), "--org", org, "--data", str(self.there.data), "--json", *options)
        return code, {Path(each["message"]).name: each for each in json.loads(told)["messages"]}

    def state(self, number: str) -> str:
        """What a Task says, read by the hospital."""
        headers = {"Authorization": f"Bearer {known(self.there.data).api_key(TRIAL)}"}
        url = self.there.addresses()["services"]["referrals"] + "/fhir/Task"
        found = httpx.get(url, params={"identifier": number}, headers=headers, trust_env=False).json()["entry"]
        return str(found[0]["resource"]["businessStatus"]["coding"][0]["code"])

    def rows(self, service: str, table: str) -> int:
        """How many rows a service has of something."""
        with sqlite3.connect(self.there.data / f"{service}.sqlite") as store:
            return int(store.execute(f"select count(*) from {table}").fetchone()[0])


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A hospital that tries its systems, and a folder of what it sends."""
    data, folder = tmp_path_factory.mktemp("trial") / "data", tmp_path_factory.mktemp("messages")
    assert alongside("prepare", "--demo", "--data", str(data)).returncode == 0
    what = ("--name", "Trial Hospital", "--kind", "hospital", "--mllp", "--status-consent-by-agreement", "--test")
    assert alongside("org", "add", TRIAL, *what, "--data", str(data)).returncode == 0
    (folder / "a.json").write_text(json.dumps(request("outcome-completed-1")))
    (folder / "b.hl7").write_bytes(PIPES.replace(b"README-HL7-1^EPIC", b"outcome-matched-1^EPIC"))
    (folder / "c.json").write_text(json.dumps(OURS))
    (folder / "d.json").write_text(json.dumps(request("R-4", answer="flagged")))
    (folder / "e.json").write_text(json.dumps(request("outcome-mached")))
    with up(data, free_base()) as there:
        yield Trial(there, folder)


def test_each_message_goes_by_its_way_and_what_runs_answers_as_the_check_foretold(trial: Trial) -> None:
    foretold = said("partner", "check", str(trial.folder), "--data", str(trial.there.data), "--org", TRIAL, "--json")

    code, told = trial.send()

    assert code == foretold[0] == 1
    statuses = {name: each["reply"]["status"] for name, each in told.items()}
    assert statuses == {"a.json": "201", "b.hl7": "AA, RF1-1 A", "c.json": "kept", "d.json": "201", "e.json": "422"}
    verdicts = {name: each["verdict"] for name, each in told.items()}
    assert verdicts == {Path(each["message"]).name: each["verdict"] for each in json.loads(foretold[1])["messages"]}


def test_sending_a_folder_again_sends_nothing_new(trial: Trial) -> None:
    trial.send()
    before = trial.rows("referrals", "referrals")

    code, told = trial.send()

    assert code == 1
    assert [told[each]["verdict"] for each in ("a.json", "c.json", "d.json")] == ["known", "known", "danger"]
    assert trial.rows("referrals", "referrals") == before


def test_everything_may_go_on_the_bus_and_what_cannot_be_read_is_not_sent(trial: Trial) -> None:
    (trial.folder / "f.json").write_text(json.dumps(request("R-6", contained=[])))
    try:
        code, told = trial.send("--by", "nats")
    finally:
        (trial.folder / "f.json").unlink()

    assert code == 1
    assert told["a.json"]["reply"]["status"] == "kept"
    assert told["f.json"]["reply"]["status"] == "not sent"
    assert told["f.json"]["reply"]["words"][0].startswith("ServiceRequest.subject: ")


def test_what_the_service_would_refuse_is_not_put_on_the_bus(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(OURS | {"identifier": {"value": "outcome-typo"}}))
    (tmp_path / "b.json").write_text(json.dumps(OURS | {"identifier": {"value": "R-70"}, "site": "nowhere"}))

    code, told = said("send", str(tmp_path), "--org", TRIAL, "--data", str(trial.there.data), "--json")

    replies = [each["reply"] for each in json.loads(told)["messages"]]
    assert code == 1 and [each["status"] for each in replies] == ["not sent", "not sent"]
    assert [each["words"][0].split(":")[0] for each in replies] == ["identifier", "site"]


def test_a_repeat_on_the_bus_is_told_by_what_it_changed_and_else_as_sent(trial: Trial, tmp_path: Path) -> None:
    where = ("--org", TRIAL, "--data", str(trial.there.data), "--json")
    number = {"identifier": {"value": "outcome-accepted-71"}}
    answers = []
    for changes in ({}, {}, {"notes": ["Please call after noon."]}, {"risk": "flagged"}):
        (tmp_path / "a.json").write_text(json.dumps(OURS | number | changes))
        code, told = said("send", str(tmp_path), *where)
        answers.append((code, json.loads(told)["messages"][0]["verdict"]))

    assert answers == [(0, "accepted"), (0, "known"), (1, "sent"), (1, "sent")]


def test_outcomes_arrive_by_the_stream_and_the_task(trial: Trial) -> None:
    trial.send()

    until(lambda: trial.state("urn:hospital|outcome-completed-1") == "completed")
    until(lambda: trial.state("outcome-matched-1") == "matched")
    until(lambda: trial.state("outcome-waitlisted-1") == "waitlisted")

    told = asyncio.run(heard(trial))
    assert [state for number, state in told if number == "outcome-completed-1"] == [
        "accepted",
        "offered",
        "matched",
        "first_scheduled",
        "engaged",
        "completed",
    ]


async def heard(trial: Trial) -> list[tuple[str, str]]:
    """What the hospital reads on its stream: its numbers, and the states that are told."""
    seed = str(known(trial.there.data).broker.seeds[TRIAL])
    client = await nats.connect(trial.there.addresses()["nats"], nkeys_seed=seed, inbox_prefix=inbox(TRIAL))
    reader = await client.jetstream().pull_subscribe_bind("reader", names.status_stream(TRIAL))
    bodies = [json.loads(each.data) for each in await reader.fetch(100, timeout=5)]
    await client.close()
    tasks = [each for each in bodies if each["resourceType"] == "Task"]
    return [(each["identifier"][0]["value"], each["businessStatus"]["coding"][0]["code"]) for each in tasks]


def test_nothing_of_it_reaches_another_service_or_a_person(trial: Trial) -> None:
    trial.send()
    until(lambda: trial.state("urn:hospital|outcome-completed-1") == "completed")

    figures = trial.there.figures()
    tables = [("matching", "referrals"), ("scheduling", "series"), ("scheduling", "seats"), ("notifications", "people")]
    tables += [("notifications", "pages"), ("notifications", "reminders"), ("referrals", "tasks")]
    assert {each: trial.rows(*each) for each in tables} == dict.fromkeys(tables, 0)
    assert figures["referrals_for_tests"] >= 4
    assert figures["referrals_received"] == figures["referrals_refused"] == 0
    code, told = said("check", "--data", str(trial.there.data))
    assert code == 0, told


def test_a_way_that_is_not_there_is_told_before_anything_is_sent(trial: Trial) -> None:
    before = trial.rows("referrals", "repeats")

    code, told = said("send", str(trial.folder), "--org", TRIAL, "--data", str(trial.there.data), "--by", "http")

    assert code == 2 and "HL7 v2 comes in by mllp or nats; here is http only." in told
    assert trial.rows("referrals", "repeats") == before


def test_a_key_that_nobody_knows_and_a_place_where_nobody_answers_are_told(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(request()))
    url = trial.there.addresses()["services"]["referrals"]

    strange = said("send", str(tmp_path), "--org", TRIAL, "--url", url, "--key", "nobody")
    silent = said("send", str(tmp_path), "--org", TRIAL, "--url", "http://127.0.0.1:1", "--key", "nobody")

    assert strange[0] == 2 and "send Bearer and your API key" in " ".join(strange[1].split())
    assert silent[0] == 2 and "127.0.0.1:1" in silent[1] and "Traceback" not in silent[1]


def test_danger_that_nobody_hears_is_danger_by_every_way_and_in_the_check(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(request("outcome-unheard-1")))
    (tmp_path / "b.hl7").write_bytes(PIPES.replace(b"README-HL7-1^EPIC", b"outcome-unheard-2^EPIC"))
    where = ("--org", TRIAL, "--data", str(trial.there.data), "--json")

    codes, told = zip(*[said(*how, str(tmp_path), *where) for how in (("send",), ("partner", "check"))], strict=True)

    assert codes == (0, 0)
    for each in told:
        found = json.loads(each)["messages"]
        assert [(one["verdict"], one["reply"]["status"]) for one in found] == [("danger", "503"), ("danger", "AR")]


def test_orders_by_360x_are_sent_and_both_answers_to_each_are_read(trial: Trial, tmp_path: Path) -> None:
    order = (ROOT / "docs" / "examples" / "order.hl7").read_bytes().replace(b"README-360X-1", b"outcome-matched-360")
    (tmp_path / "a.hl7").write_bytes(order)
    (tmp_path / "b.hl7").write_bytes(order.replace(b"ORC|NW", b"ORC|RE"))
    (tmp_path / "c.hl7").write_bytes(order.replace(b"|||360X", b""))

    code, told = said("send", str(tmp_path), "--org", TRIAL, "--data", str(trial.there.data), "--json")

    found = json.loads(told)["messages"]
    assert (code, [(each["verdict"], each["reply"]["status"]) for each in found]) == (
        1,
        [("accepted", "AA, ORC-1 OK"), ("refused", "AE"), ("accepted", "AA, ORC-1 OK")],
    )


IN_EARNEST = "general-hospital is no organisation for tests: people are helped, written to and paged."


def keyed(trial: Trial, organisation: str) -> tuple[str, ...]:
    """Options of one who has an address and a key, and no data folder."""
    return (
        "--url",
        trial.there.addresses()["services"]["referrals"],
        "--key",
        known(trial.there.data).api_key(organisation),
    )


@pytest.mark.parametrize("by_key", [False, True])
def test_a_folder_is_sent_as_who_refers_people_only_where_that_is_meant(
    trial: Trial, tmp_path: Path, *, by_key: bool
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(request(contained=[])))
    where = keyed(trial, "general-hospital") if by_key else ("--data", str(trial.there.data))
    before = trial.rows("referrals", "refusals")

    unmeant = said("send", str(tmp_path), "--org", "general-hospital", *where)
    between = trial.rows("referrals", "refusals")
    meant = said("send", str(tmp_path), "--org", "general-hospital", *where, "--real")

    assert unmeant[0] == 2 and IN_EARNEST in unmeant[1] and "--real" in unmeant[1]
    assert meant[0] == 1 and IN_EARNEST in meant[1]
    assert (between, trial.rows("referrals", "refusals")) == (before, before + 1)


@pytest.mark.parametrize("by_key", [False, True])
def test_nobody_sends_as_another_than_they_say(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_key: bool
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(request("R-1", answer="flagged")))
    monkeypatch.setenv("ALONGSIDE_KEY", known(trial.there.data).api_key("general-hospital"))
    where = keyed(trial, "general-hospital") if by_key else ("--data", str(trial.there.data))
    before = trial.rows("referrals", "referrals")

    code, told = said("send", str(tmp_path), "--org", TRIAL, *where, "--real")

    assert code == 2 and f"the key is not one of {TRIAL}" in told
    assert trial.rows("referrals", "referrals") == before


def test_an_organisation_for_tests_sends_by_its_key_alone(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(request("outcome-accepted-9")))

    code, told = said("send", str(tmp_path), "--org", TRIAL, *keyed(trial, TRIAL))

    assert code == 0 and "people are helped" not in told


def test_a_line_that_is_named_by_hand_is_asked_whose_it_is(trial: Trial, tmp_path: Path) -> None:
    (tmp_path / "a.hl7").write_bytes(PIPES.replace(b"README-HL7-1^EPIC", b"outcome-matched-8^EPIC"))
    ports = trial.there.addresses()["mllp"]
    theirs, ours = (f"127.0.0.1:{ports[each]}" for each in ("general-hospital", TRIAL))
    before = trial.rows("referrals", "referrals")

    strange = said("send", str(tmp_path), "--org", TRIAL, *keyed(trial, TRIAL), "--mllp", theirs)
    after = trial.rows("referrals", "referrals")
    own = said("send", str(tmp_path), "--org", TRIAL, *keyed(trial, TRIAL), "--mllp", ours)

    assert strange[0] == 2 and f"{theirs} is not known to be a line for tests" in strange[1]
    assert after == before and own[0] == 0


def test_the_list_of_organisations_says_which_are_for_tests(trial: Trial) -> None:
    told = json.loads(said("org", "list", "--json", "--data", str(trial.there.data))[1])

    assert [each["id"] for each in told if each["test"]] == ["test-hospital", TRIAL]
    assert "hospital, test" in alongside("org", "list", "--data", str(trial.there.data)).stdout
