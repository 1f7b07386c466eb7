"""Organisations come, change their keys and are suspended while everything runs, and nobody else notices."""

import asyncio
import json
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from nats.aio.client import Client

from deploy import ports
from deploy.claim import CHANGE, LOCK, changing
from deploy.nats import server
from deploy.nats.permissions import inbox
from deploy.nats.server import Server
from deploy.premises import known
from shared import names
from tests.demos import ROOT, Demo, alongside, free_base, up
from tests.deploy.ground import User
from tests.deploy.terminal import said

EXAMPLE = (ROOT / "docs" / "examples" / "service-request.json").read_text()
NEWCOMER = ("--name", "New Hospital", "--kind", "hospital")
CLINIC = ("clinic", "--name", "C", "--kind", "clinic")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A deployment with the demo's organisations, in which nothing has happened."""
    data = tmp_path_factory.mktemp("organisations") / "data"
    assert alongside("prepare", "--demo", "--data", str(data)).returncode == 0
    with up(data, free_base()) as there:
        yield there


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A deployment that was prepared and does not run, with one more organisation."""
    assert said("prepare", "--data", str(tmp_path))[0] == 0
    code, told = said("org", "add", "general-hospital", *NEWCOMER, "--data", str(tmp_path))
    assert code == 0, told
    return tmp_path


async def org(there: Demo, *options: str) -> str:
    """What `alongside org` says, which is to succeed; everything else goes on meanwhile."""
    code, told = await asyncio.to_thread(said, "org", *options, "--data", str(there.data))
    assert code == 0, told
    return told


def key_of(there: Demo, organisation: str) -> str:
    return (there.data / "keys" / "api" / f"{organisation}.key").read_text().strip()


def seed_of(there: Demo, organisation: str) -> str:
    return (there.data / "nats" / "keys" / f"{organisation}.nk").read_text().strip()


def order(number: str) -> bytes:
    """A referral of a person of its own."""
    return EXAMPLE.replace("README-1", f"R-{number}").replace("README-M-1", f"M-{number}").encode()


def refer(there: Demo, key: str, number: str) -> httpx.Response:
    """Post a referral over HTTP."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/fhir+json"}
    url = f"{there.addresses()['services']['referrals']}/fhir/ServiceRequest"
    return httpx.post(url, content=order(number), headers=headers, trust_env=False, timeout=10)


def asks(there: Demo, service: str, path: str, key: str = "") -> httpx.Response:
    """GET a page of a service."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.get(f"{there.addresses()['services'][service]}{path}", headers=headers, trust_env=False, timeout=10)


@dataclass
class Partner:
    """An organisation's connection to the bus, and how often it was cut off."""

    name: str
    client: Client
    cuts: list[str] = field(default_factory=list)

    async def post(self, number: str) -> dict[str, Any]:
        """Post a referral on the bus, and give the broker's acknowledgement."""
        headers = {"Content-Type": "application/fhir+json"}
        subject = names.ingest_subject(self.name, "referral")
        told: dict[str, Any] = json.loads((await self.client.request(subject, order(number), 5, headers=headers)).data)
        return told

    async def told_of(self, number: str) -> str:
        """Wait for the status of a referral."""
        user = User(self.name, self.client, [])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for message in await user.pull(names.status_stream(self.name), "reader", batch=50):
                await self.client.publish(message.reply)
                task = json.loads(message.data)
                if f"R-{number}" in [each["value"] for each in task.get("identifier", [])]:
                    return str(task["status"])
        raise AssertionError(f"nothing was told of R-{number}")


@asynccontextmanager
async def partner(there: Demo, name: str, seed: str | None = None) -> AsyncIterator[Partner]:
    """A partner that connects once, and is not connected again when it is cut off."""
    cuts: list[str] = []

    async def cut() -> None:
        cuts.append("cut off")

    async def said_nothing(_: Exception) -> None:
        """Whoever is cut off is told so."""

    client = await nats.connect(
        there.addresses()["nats"],
        nkeys_seed_str=seed or seed_of(there, name),
        inbox_prefix=inbox(name),
        allow_reconnect=False,
        max_reconnect_attempts=1,
        connect_timeout=2,
        disconnected_cb=cut,
        error_cb=said_nothing,
    )
    try:
        yield Partner(name, client, cuts)
    finally:
        with suppress(nats.errors.Error):
            await client.close()


async def is_refused(there: Demo, name: str, seed: str) -> bool:
    """Whether the broker does not know a seed."""
    try:
        async with partner(there, name, seed):
            return False
    except nats.errors.Error as wrong:
        return "Authorization Violation" in str(wrong)


async def until(true: Callable[[], Any], within: float = 20) -> None:
    """Wait for something to become true, while everything goes on."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"did not become true within {within} s"
        await asyncio.sleep(0.1)


def connections(there: Demo) -> set[int]:
    """The services' connections to the broker, by the broker's own numbers."""
    monitor = json.loads((there.data / "nats" / "nats-server.conf").read_text())["http"]
    told = httpx.get(f"http://{monitor}/connz", trust_env=False, timeout=5).json()["connections"]
    return {each["cid"] for each in told if each.get("name") in names.SERVICES}


async def test_a_newcomer_refers_by_http_and_on_the_bus_and_nobody_is_cut_off(running: Demo) -> None:
    processes, connected = running.pids(), connections(running)
    acknowledged = []
    async with partner(running, "general-hospital") as other:

        async def posting() -> None:
            while True:
                acknowledged.append(await other.post(f"other-{len(acknowledged)}"))
                await asyncio.sleep(0.02)

        busy = asyncio.create_task(posting())
        words = await org(running, "add", "new-hospital", *NEWCOMER, "--site", "northside")
        busy.cancel()

        taken_by_http = refer(running, key_of(running, "new-hospital"), "http").status_code
        async with partner(running, "new-hospital") as newcomer:
            stored = await newcomer.post("bus")
            statuses = [await newcomer.told_of(each) for each in ("bus",)]
        assert other.cuts == []
        assert await other.told_of(f"other-{len(acknowledged) - 1}") == "accepted"

    assert key_of(running, "new-hospital") in words
    assert taken_by_http == 201
    assert (stored["stream"], statuses) == ("IN_new-hospital", ["accepted"])
    assert [each["seq"] for each in acknowledged] == list(range(1, len(acknowledged) + 1))
    assert len(acknowledged) > 20
    assert (running.pids(), connections(running)) == (processes, connected)


async def test_a_newcomers_stream_that_the_broker_loses_is_made_again(running: Demo) -> None:
    await org(running, "add", "unlucky-hospital", *NEWCOMER)
    admin = await nats.connect(
        running.addresses()["nats"], nkeys_seed_str=seed_of(running, "admin"), inbox_prefix=inbox("admin")
    )

    await admin.request(f"$JS.API.STREAM.DELETE.{names.ingest_stream('unlucky-hospital')}", b"", 5)
    await admin.close()

    async with partner(running, "unlucky-hospital") as hospital:
        for number in range(20):
            with suppress(nats.errors.Error, TimeoutError):
                await hospital.post(str(number))
                break
            await asyncio.sleep(1)
        assert await hospital.told_of(str(number)) == "accepted"


async def test_an_agency_that_comes_registers_its_supporters_on_the_bus(running: Demo) -> None:
    await org(running, "add", "new-agency", "--name", "Agency", "--kind", "agency")

    async with partner(running, "new-agency") as agency:
        subject = names.ingest_subject("new-agency", "supporter")
        await agency.client.request(subject, b"{}", 5)
        user = User("new-agency", agency.client, [])
        (told,) = await user.pull(names.status_stream("new-agency"), "reader", within=10)

    assert b"supporter_id" in told.data or b"Field required" in told.data


async def test_former_keys_work_until_their_grace_is_over_and_end_by_themselves(running: Demo) -> None:
    await org(running, "add", "rotating-clinic", "--name", "Clinic", "--kind", "clinic")
    former_key, former_seed = key_of(running, "rotating-clinic"), seed_of(running, "rotating-clinic")

    async with partner(running, "rotating-clinic") as with_former:
        words = await org(running, "rotate", "rotating-clinic", "--grace", "15s")
        meanwhile = [
            refer(running, each, "same").status_code for each in (former_key, key_of(running, "rotating-clinic"))
        ]
        async with partner(running, "rotating-clinic") as with_new:
            stored = [(await each.post(f"both-{number}"))["seq"] for number, each in enumerate((with_former, with_new))]
            cuts = [*with_former.cuts]
            await until(lambda: with_former.cuts)
            after = refer(running, former_key, "late")
            assert (await with_new.post("after"))["seq"] == 3
            assert with_new.cuts == []

    assert re.search(r"Those it had before work until \d{4}-\d\d-\d\d \d\d:\d\d UTC", words)
    assert (meanwhile, stored, cuts) == ([201, 200], [1, 2], [])
    assert after.status_code == 401
    assert await is_refused(running, "rotating-clinic", former_seed)


async def test_former_keys_end_at_once_where_no_grace_is_given_or_they_are_retired(running: Demo) -> None:
    await org(running, "add", "changing-centre", "--name", "Centre", "--kind", "community")
    keys, seeds = [key_of(running, "changing-centre")], [seed_of(running, "changing-centre")]

    await org(running, "rotate", "changing-centre", "--grace", "0")
    keys.append(key_of(running, "changing-centre"))
    seeds.append(seed_of(running, "changing-centre"))
    refused = [refer(running, each, "centre").status_code for each in keys]
    await org(running, "rotate", "changing-centre", "--grace", "7d")
    in_time = refer(running, keys[1], "centre").status_code
    await org(running, "retire", "changing-centre")

    assert (refused, in_time) == ([401, 201], 200)
    assert refer(running, keys[1], "centre").status_code == 401
    assert refer(running, key_of(running, "changing-centre"), "centre").status_code == 200
    assert await is_refused(running, "changing-centre", seeds[0])
    for _ in range(50):
        if await is_refused(running, "changing-centre", seeds[1]):
            break
        await asyncio.sleep(0.1)
    assert await is_refused(running, "changing-centre", seeds[1])


async def test_the_programmes_own_key_is_changed_like_any_other(running: Demo) -> None:
    former = key_of(running, "programme")

    await org(running, "rotate", "programme", "--grace", "0")

    asked = [asks(running, "matching", "/work", each) for each in (former, key_of(running, "programme"))]
    assert [each.status_code for each in asked] == [401, 200]


async def test_a_suspended_organisation_is_let_in_nowhere_and_what_it_sent_goes_on(running: Demo) -> None:
    await org(running, "add", "quiet-hospital", *NEWCOMER)
    seed = seed_of(running, "quiet-hospital")

    async with partner(running, "quiet-hospital") as hospital, partner(running, "general-hospital") as other:
        await hospital.post("before")
        await org(running, "suspend", "quiet-hospital")
        await until(lambda: hospital.cuts)
        assert other.cuts == []
    refused = refer(running, key_of(running, "quiet-hospital"), "meanwhile")
    locked_out = await is_refused(running, "quiet-hospital", seed)
    await org(running, "resume", "quiet-hospital")

    assert (refused.status_code, locked_out) == (403, True)
    assert "your organisation is suspended: ask the programme why" in refused.text
    assert refer(running, key_of(running, "quiet-hospital"), "again").status_code == 201
    async with partner(running, "quiet-hospital") as hospital:
        assert await hospital.told_of("before") == "accepted"


async def test_a_programme_file_that_is_wrong_takes_no_service_down_and_is_told(running: Demo) -> None:
    path, key = running.data / "programme.json", key_of(running, "general-hospital")
    good = path.read_bytes()

    def refusing() -> bool:
        return "programme_refused 1.0" in asks(running, "referrals", "/metrics").text

    path.write_bytes(good[: len(good) // 2])
    try:
        await until(refusing)
        ready = asks(running, "referrals", "/ready").status_code
        taken = refer(running, key, "spoilt").status_code
        refused = alongside("org", "suspend", "garden-health", "--data", str(running.data))
    finally:
        path.write_bytes(good)
    await until(lambda: not refusing())

    assert (ready, taken) == (200, 201)
    assert (refused.returncode, "programme.json" in refused.stderr) == (2, True)
    assert "the changed programme is not taken over" in (running.data / "logs" / "referrals.log").read_text()


async def test_what_was_changed_while_it_ran_is_so_after_the_next_start(tmp_path: Path) -> None:
    base = free_base()
    with up(tmp_path / "data", base) as there:
        await org(there, "add", "lasting-hospital", *NEWCOMER, "--mllp")
    with up(tmp_path / "data", base) as there:
        taken = refer(there, key_of(there, "lasting-hospital"), "later").status_code
        async with partner(there, "lasting-hospital") as hospital:
            told = await hospital.told_of("later")

        assert (taken, told) == (201, "accepted")
        assert list(there.addresses()["mllp"]) == ["lasting-hospital"]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Server]]:
    """A deployment whose broker somebody else runs."""
    data, port = tmp_path_factory.mktemp("elsewhere") / "data", ports.free()
    where = ("--nats-host", ports.LOOPBACK, "--nats-port", str(port))
    assert alongside("prepare", "--data", str(data), *where).returncode == 0
    broker = server.start(known(data).broker)
    try:
        with up(data, free_base(), "--nats", broker.url) as there:
            yield there, broker
    finally:
        broker.stop()


async def left_to_do(there: Demo, *options: str) -> str:
    """What `alongside org` says that ends without the broker."""
    code, told = await asyncio.to_thread(said, "org", *options, "--within", "2", "--data", str(there.data))
    assert code == 2, told
    return told


async def read_again(broker: Server) -> None:
    """Do as the command says."""
    for _ in range(2):
        broker.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(1)


async def test_a_broker_that_runs_elsewhere_is_waited_for_and_nothing_pretended(elsewhere: tuple[Demo, Server]) -> None:
    there, broker = elsewhere
    before = (there.data / "programme.json").read_bytes()

    told = await left_to_do(there, "add", "new-hospital", *NEWCOMER)
    unchanged = (there.data / "programme.json").read_bytes() == before
    await read_again(broker)
    await org(there, "add", "new-hospital", *NEWCOMER)

    assert unchanged
    assert (
        f"have it read {there.data}/nats/nats-server.conf again, by SIGHUP twice or a restart. Nothing counts" in told
    )
    async with partner(there, "new-hospital") as newcomer:
        await newcomer.post("elsewhere")
        assert await newcomer.told_of("elsewhere") == "accepted"


async def test_keys_change_and_a_suspension_holds_with_a_broker_elsewhere(elsewhere: tuple[Demo, Server]) -> None:
    there, broker = elsewhere
    await left_to_do(there, "add", "other-hospital", *NEWCOMER)
    await read_again(broker)
    await org(there, "add", "other-hospital", *NEWCOMER)
    key, seed = key_of(there, "other-hospital"), seed_of(there, "other-hospital")

    not_yet = await left_to_do(there, "rotate", "other-hospital")
    kept = (key_of(there, "other-hospital"), seed_of(there, "other-hospital")) == (key, seed)
    await read_again(broker)
    words = await org(there, "rotate", "other-hospital")
    async with partner(there, "other-hospital", seed), partner(there, "other-hospital"):
        both = [refer(there, each, "elsewhere-2").status_code for each in (key, key_of(there, "other-hospital"))]
    suspended = await left_to_do(there, "suspend", "other-hospital")
    barred = refer(there, key_of(there, "other-hospital"), "elsewhere-2").status_code
    await read_again(broker)

    assert ("Nothing counts yet" in not_yet, kept, both, barred) == (True, True, [201, 200], 403)
    assert "A broker forgets no key by itself" in words
    assert "HTTP refuses it from now on, but the broker" in suspended
    assert await is_refused(there, "other-hospital", seed)
    assert await is_refused(there, "other-hospital", seed_of(there, "other-hospital"))


def content(data: Path) -> dict[str, bytes]:
    """What stands in a folder, but for whom it is claimed by."""
    found = (each for each in sorted(data.rglob("*")) if each.is_file() and each.name not in (LOCK, CHANGE))
    return {str(each): each.read_bytes() for each in found}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("add", "clinic", "--name", "C", "--kind", "shop"), "hospital, clinic, community, payer, agency"),
        (("add", "general-hospital", "--name", "C", "--kind", "clinic"), "general-hospital is taken"),
        (("add", "Not An Id", "--name", "C", "--kind", "clinic"), "a-z, 0-9 and inner hyphens"),
        (("add", "a.b", "--name", "C", "--kind", "clinic"), "a-z, 0-9 and inner hyphens"),
        (("add", "matching", "--name", "C", "--kind", "clinic"), "is a service's name"),
        (("add", "clinic", "--name", " ", "--kind", "clinic"), "organisations.clinic.name"),
        (("add", *CLINIC, "--site", "moon"), "choose one of main"),
        (("add", *CLINIC, "--jwks", "nowhere.json"), "nowhere.json"),
        (
            ("add", *CLINIC, "--jwks", str(ROOT / "LICENSE")),
            "LICENSE: Invalid JSON",
        ),
        (("rotate", "nobody"), "there are: general-hospital, programme"),
        (("rotate", "general-hospital", "--grace", "soon"), "30m, 24h or 7d"),
        (("rotate", "general-hospital", "--grace", "24"), "30m, 24h or 7d"),
        (("rotate", "general-hospital", "--grace", "9999d"), "a year at most"),
        (("retire", "general-hospital"), "no replaced keys"),
        (("suspend", "nobody"), "There is no organisation 'nobody'"),
        (("suspend", "programme"), "is the programme itself"),
        (("resume", "general-hospital"), "is not suspended"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_and_changes_nothing(
    folder: Path, options: tuple[str, ...], words: str
) -> None:
    before = content(folder)

    code, told = said("org", *options, "--data", str(folder))

    assert (code, content(folder) == before) == (2, True)
    assert words in " ".join(told.replace("│", "").split())


def test_a_private_key_is_never_taken_for_a_public_one(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("keys") / "jwks.json"
    path.write_text(json.dumps({"keys": [{"kty": "EC", "d": "the-secret"}]}))
    before = content(folder)

    code, told = said("org", "add", *CLINIC, "--jwks", str(path), "--data", str(folder))

    assert (code, content(folder) == before) == (2, True)
    assert "a private key is never sent to anybody" in told
    assert "the-secret" not in told


def test_whoever_is_suspended_is_not_suspended_twice_nor_given_keys(folder: Path) -> None:
    assert said("org", "suspend", "general-hospital", "--data", str(folder))[0] == 0
    before = content(folder)

    told = [said("org", each, "general-hospital", "--data", str(folder)) for each in ("suspend", "rotate")]

    assert [code for code, _ in told] == [2, 2]
    assert "general-hospital is suspended already" in told[0][1]
    assert "resume it first" in told[1][1]
    assert content(folder) == before


def test_in_whose_name_people_ask_for_themselves_is_not_suspended(folder: Path) -> None:
    assert said("org", "add", "outreach", "--name", "Outreach", "--kind", "agency", "--data", str(folder))[0] == 0
    path = folder / "programme.json"
    told = json.loads(path.read_text()) | {"self_referral": {"organisation_id": "outreach"}}
    path.write_text(json.dumps(told))
    before = content(folder)

    code, words = said("org", "suspend", "outreach", "--data", str(folder))

    assert (code, content(folder) == before) == (2, True)
    assert "change self_referral first" in " ".join(words.split())


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    told = [
        said("org", *each, "--data", str(tmp_path / "none"))
        for each in (("list",), ("add", *CLINIC), ("suspend", "clinic"))
    ]

    assert [(code, "`alongside prepare --data`" in words) for code, words in told] == [(2, True)] * 3
    assert not (tmp_path / "none").exists()


def test_two_do_not_change_a_folder_at_once(folder: Path) -> None:
    with changing(folder):
        before = content(folder)
        told = [said(*each, "--data", str(folder)) for each in (("org", "suspend", "general-hospital"), ("prepare",))]
        after = content(folder)

    assert [(code, "is just being changed by process" in words) for code, words in told] == [(2, True)] * 2
    assert after == before


def test_everything_else_in_the_programme_stays_as_its_owner_wrote_it(folder: Path) -> None:
    path = folder / "programme.json"
    mine = {**json.loads(path.read_text()), "name": "Freundschaft für alle"}
    mine["sites"]["north"] = {"site_id": "north", "public_name": "Nord", "phone": "555-0101"}
    path.write_text(json.dumps(mine))
    path.chmod(0o640)

    options = ("--screens-before-referring", "--status-consent-by-agreement", "--plan-id", "P-1", "--site", "north")
    code, _ = said("org", "add", *CLINIC, *options, "--data", str(folder))

    now = json.loads(path.read_text())
    added = now["organisations"].pop("clinic")
    assert (code, now) == (0, mine)
    assert path.stat().st_mode & 0o777 == 0o640
    assert {**added, "key_hashes": len(added["key_hashes"])} == {
        "organisation_id": "clinic",
        "name": "C",
        "kind": "clinic",
        "site_id": "north",
        "screens_before_referring": True,
        "status_consent_by_agreement": True,
        "plan_ids": ["P-1"],
        "key_hashes": 1,
    }


def test_what_runs_not_says_so_and_a_list_shows_who_is_let_in(folder: Path) -> None:
    rotated = said("org", "rotate", "general-hospital", "--data", str(folder))
    suspended = said("org", "suspend", "general-hospital", "--data", str(folder))

    shown = json.loads(said("org", "list", "--json", "--data", str(folder))[1])
    read = said("org", "list", "--data", str(folder))[1]

    assert all("Nothing runs from this folder now" in words for _, words in (rotated, suspended))
    (one,) = [each for each in shown if each["id"] == "general-hospital"]
    assert (one["name"], one["kind"], one["state"], one["mllp"]) == ("New Hospital", "hospital", "suspended", False)
    assert one["key_age_days"] == 0
    assert one["former_keys_end"] > one["key_made"]
    assert "general-hospital" in read and "suspended" in read


def test_a_change_that_was_broken_off_is_finished_by_the_same_command(folder: Path) -> None:
    seed, coming = (folder / "nats" / "keys" / f"general-hospital{each}.nk" for each in ("", ".next"))
    former = seed.read_bytes()
    subprocess.run(["cp", str(folder / "nats" / "keys" / "matching.nk"), str(coming)], check=True)
    fresh = coming.read_bytes()

    code, _ = said("org", "rotate", "general-hospital", "--data", str(folder))

    assert (code, seed.read_bytes() == fresh, coming.exists()) == (0, True, False)
    users = json.loads((folder / "nats" / "nats-server.conf").read_text())["accounts"]["general-hospital"]["users"]
    assert len(users) == 2
    assert former != fresh
