"""Who may do what on the broker: whatever would do harm is really tried, by everybody, and nothing comes of it."""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import nkeys
import pytest
from nats.aio.msg import Msg

from deploy.nats.permissions import inbox
from shared.clock import real
from tests.deploy.attempts import THEFT, Attempt, attempts, greeted
from tests.deploy.ground import AGENCY, CLINIC, HOSPITAL, PAYER, Ground, Organisation, User, ground, user
from tests.deploy.universe import HEARABLE, MAY_HEAR, MAY_PUBLISH, ORGANISATIONS, SERVICES, said

AT_LEAST = 500
EVERYBODY = (*SERVICES, *ORGANISATIONS)
NO_RESPONDERS = "503"


@pytest.fixture(scope="module")
def furnished(declared: Ground) -> Ground:
    """A broker on which everybody was told something."""
    asyncio.run(_tell_everybody(declared))
    return declared


async def _tell_everybody(there: Ground) -> None:
    async with user(there, "referrals") as referrals:
        for each in ORGANISATIONS:
            await referrals.tell(f"status.{each}.referral.v1", f"about {each}".encode())
        for listener in ("scheduling", "notifications"):
            await referrals.tell(said(f"sealed.{listener}"), b"sealed")
    for each in EVERYBODY:
        async with user(there, each) as one:
            await one.tell(said(each) if each in SERVICES else f"ingest.{each}.referral.v1", b"said")


async def state(there: Ground) -> dict[str, Any]:
    """Every stream with its configuration and what it holds, and every consumer with where it is."""
    async with user(there, "admin") as admin:
        streams = json.loads((await admin.ask("$JS.API.STREAM.LIST")).data)["streams"]
        found: dict[str, Any] = {}
        for each in streams:
            name, held = each["config"]["name"], each["state"]
            listed = json.loads((await admin.ask(f"$JS.API.CONSUMER.LIST.{name}")).data)["consumers"]
            consumers = {one["name"]: (one["config"], one["num_pending"], one["ack_floor"]) for one in listed}
            found[name] = (each["config"], held["messages"], held["last_seq"], consumers)
    return found


async def yielded(one: User, tried: list[Attempt]) -> dict[int, list[Msg]]:
    """What came back of each attempt, by its number."""
    mine, came = f"{inbox(one.name)}.tried", dict[int, list[Msg]]()

    async def keep(message: Msg) -> None:
        came.setdefault(int(message.subject.rpartition(".")[2]), []).append(message)

    heard = await one.client.subscribe(f"{mine}.*", cb=keep)
    for number, (subject, body) in enumerate(tried):
        await one.client.publish(subject, body, reply=f"{mine}.{number}")
    await one.settled()
    await asyncio.sleep(0.3)
    await heard.unsubscribe()
    return came


def is_no(message: Msg) -> bool:
    """Whether the server says that nobody is there to answer."""
    return not message.data and (message.headers or {}).get("Status") == NO_RESPONDERS


async def test_more_than_five_hundred_verbs_yield_nothing_and_change_nothing(furnished: Ground) -> None:
    before, refused = await state(furnished), 0
    for name in EVERYBODY:
        async with user(furnished, name) as one:
            tried = [each for each in attempts(f"{inbox(name)}.loot") if each[0] not in MAY_PUBLISH[name]]
            loot = await one.client.subscribe(f"{inbox(name)}.loot")

            came = await yielded(one, tried)

            answered = [(name, tried[number][0]) for number, some in came.items() if not all(map(is_no, some))]
            assert answered == []
            assert loot.pending_msgs == 0
            refused += len(tried)

    assert refused >= AT_LEAST
    after = await state(furnished)
    assert THEFT not in after
    assert after == before


async def test_the_same_verbs_are_answered_to_the_administrator(furnished: Ground) -> None:
    asked = [each for each in attempts("_INBOX_admin.loot") if ".INFO." in each[0] or ".MSG.GET." in each[0]]
    async with user(furnished, "admin") as admin:
        came = await yielded(admin, asked)

    assert len(came) == len(asked) >= 50
    assert not any(is_no(each) for some in came.values() for each in some)


async def test_nobody_overhears_what_others_are_told(furnished: Ground) -> None:
    overheard: list[tuple[str, str]] = []

    async with user(furnished, "river-clinic") as spy, user(furnished, "matching") as other_spy:
        for one in (spy, other_spy):
            for subject in sorted(HEARABLE - MAY_HEAR[one.name])[: 30 if one is spy else None]:

                async def keep(message: Msg, who: str = one.name) -> None:
                    overheard.append((who, message.subject))

                await one.client.subscribe(subject, cb=keep)
            await one.settled()
        await _tell_everybody(furnished)
        async with user(furnished, "general-hospital") as hospital:
            assert await hospital.pull("STATUS_general-hospital", "reader")
        for one in (spy, other_spy):
            await one.settled()

    assert overheard == []


@pytest.mark.parametrize("name", ORGANISATIONS)
async def test_an_organisation_reads_its_own_status_and_nobody_elses(furnished: Ground, name: str) -> None:
    async with user(furnished, name) as reader:
        own = await reader.pull(f"STATUS_{name}", "reader", batch=50)
        for other in [each for each in ORGANISATIONS if each != name]:
            assert await reader.pull(f"STATUS_{other}", "reader", within=0.2) == []
        for each in own:
            await reader.client.publish(each.reply, b"-NAK")
        await reader.settled()

    assert {each.data for each in own} == {f"about {name}".encode()}
    assert {each.subject for each in own} == {f"status.{name}.referral.v1"}


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, dict[str, bytes]]]:
    """A broker, and two seeds that were replaced: of one the time is over. A clinic of it is suspended."""
    former = {each: nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER) for each in ("over", "in grace")}
    ends = {
        _public(former["over"]): real() - timedelta(seconds=1),
        _public(former["in grace"]): real() + timedelta(days=1),
    }
    hospital = Organisation(HOSPITAL.organisation_id, "hospital", nkey_ends=ends)
    suspended = Organisation(CLINIC.organisation_id, "clinic", suspended=True)
    with ground(tmp_path_factory.mktemp("nats"), [hospital, suspended, AGENCY, PAYER]) as running:
        yield running, former


def _public(seed: bytes) -> str:
    return bytes(nkeys.from_seed(bytearray(seed)).public_key).decode()


async def test_nobody_is_let_in_who_cannot_sign_for_a_key_that_counts(
    changing: tuple[Ground, dict[str, bytes]],
) -> None:
    there, former = changing
    seeds = {name: path.read_bytes().strip() for name, path in there.configuration.seeds.items()}
    stranger = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    wrong: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"nkey": _public(stranger)}, {"seed": stranger}),
        ({"nkey": _public(former["over"])}, {"seed": former["over"]}),
        ({"nkey": _public(seeds["river-clinic"])}, {"seed": seeds["river-clinic"]}),
        ({"jwt": "e30.e30.e30", "nkey": ""}, {"seed": seeds["admin"]}),
        *(({"user": name, "pass": name}, {}) for name in (*seeds, "sys", "SYS", "PLATFORM")),
        *(({"auth_token": seed.decode()}, {}) for seed in seeds.values()),
        *(({"nkey": _public(seed)}, {}) for seed in seeds.values()),
        *(({"nkey": _public(seed)}, {"seed": stranger}) for seed in seeds.values()),
        *(({"nkey": _public(seed)}, {"seed": seed, "nonce": "another challenge"}) for seed in seeds.values()),
    ]

    told = [await greeted(there.url, words, **signed) for words, signed in wrong]

    assert set(told) == {"-ERR 'Authorization Violation'"}
    for name in ("general-hospital", "referrals", "admin"):
        assert await greeted(there.url, {"nkey": _public(seeds[name])}, seed=seeds[name]) == "PONG"
    assert await greeted(there.url, {"nkey": _public(former["in grace"])}, seed=former["in grace"]) == "PONG"
