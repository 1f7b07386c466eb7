"""The streams and consumers as the broker really made them."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from deploy.nats import plan, topology
from deploy.nats.topology import TopologyError
from tests.bus import until
from tests.deploy.ground import ORGANISATIONS, Ground, User, ground, user
from tests.deploy.universe import CONSUMERS, STREAMS


async def stream(admin: User, name: str) -> dict[str, object]:
    config: dict[str, object] = json.loads((await admin.ask(f"$JS.API.STREAM.INFO.{name}")).data)["config"]
    return config


async def consumers(admin: User, name: str) -> dict[str, dict[str, object]]:
    listed = json.loads((await admin.ask(f"$JS.API.CONSUMER.LIST.{name}")).data)["consumers"] or []
    return {each["name"]: each["config"] for each in listed}


async def test_declares_every_stream_and_consumer(declared: Ground):
    async with user(declared, "admin") as admin:
        streams = json.loads((await admin.ask("$JS.API.STREAM.NAMES")).data)["streams"]
        made = {(each, name) for each in streams for name in await consumers(admin, each)}

    assert set(streams) == set(STREAMS)
    assert made == set(CONSUMERS)


@pytest.mark.parametrize("name", ["REFERRALS", "MATCHING", "SCHEDULING", "NOTIFICATIONS", "SEALED"])
async def test_what_services_say_is_kept_for_thirty_days_and_refused_rather_than_forgotten(declared: Ground, name: str):
    async with user(declared, "admin") as admin:
        made = await stream(admin, name)

    assert (made["subjects"], made["storage"], made["retention"]) == ([f"{name.lower()}.>"], "file", "limits")
    assert (made["discard"], made["max_age"], made["allow_atomic"]) == ("new", 30 * 86_400 * 10**9, True)


async def test_what_organisations_post_has_a_quota_and_a_memory_of_one_hour(declared: Ground):
    async with user(declared, "admin") as admin:
        made = await stream(admin, "IN_peer-agency")

    assert made["subjects"] == [f"ingest.peer-agency.{each}.v1" for each in ("referral", "supporter", "attendance")]
    assert (made["discard"], made["max_bytes"], made["duplicate_window"]) == ("new", 256 * 2**20, 3600 * 10**9)
    assert not any(made.get(each) for each in ("allow_atomic", "allow_msg_ttl", "allow_rollup_hdrs", "allow_direct"))


async def test_a_letter_is_handed_out_until_it_is_acknowledged(declared: Ground):
    async with user(declared, "admin") as admin:
        made = (await consumers(admin, "MATCHING"))["scheduling-on-matching-0of1"]

    assert (made["ack_policy"], made["ack_wait"], made["max_deliver"]) == ("explicit", 30 * 10**9, -1)
    assert (made["max_ack_pending"], made["deliver_policy"]) == (10_000, "all")


async def test_declaring_again_changes_nothing_and_is_quick(declared: Ground):
    began = time.monotonic()

    await topology.declare(declared.url, declared.admin_seed, ORGANISATIONS)

    assert time.monotonic() - began < 2


async def test_mends_what_differs_and_keeps_what_an_operator_chose(declared: Ground):
    async with user(declared, "admin") as admin:
        made = await stream(admin, "MATCHING")
        changed = {**made, "max_bytes": 1_000_000, "description": "moved on Tuesday"}
        await admin.ask("$JS.API.STREAM.UPDATE.MATCHING", json.dumps(changed).encode())

        await topology.declare(declared.url, declared.admin_seed, ORGANISATIONS)

        mended = await stream(admin, "MATCHING")
    assert (mended["max_bytes"], mended["description"]) == (plan.INTERNAL_BYTES, "moved on Tuesday")


@pytest.mark.parametrize("gone", ["STREAM.DELETE.MATCHING", "CONSUMER.DELETE.MATCHING.scheduling-on-matching-0of1"])
async def test_whoever_keeps_it_makes_again_what_a_broker_lost(tmp_path: Path, gone: str):
    with ground(tmp_path) as bare:
        keeping = asyncio.create_task(topology.keep(bare.url, bare.admin_seed, lambda: ORGANISATIONS, every=0.05))
        async with user(bare, "admin") as admin:
            await until(lambda: everything_is_there(admin))
            await admin.ask(f"$JS.API.{gone}")
            await until(lambda: everything_is_there(admin))
        keeping.cancel()


async def everything_is_there(admin: User) -> bool:
    streams = json.loads((await admin.ask("$JS.API.STREAM.NAMES")).data)["streams"] or []
    if set(streams) != set(STREAMS):
        return False
    return {(each, name) for each in streams for name in await consumers(admin, each)} == set(CONSUMERS)


async def test_shares_divide_the_partitions(tmp_path: Path):
    with ground(tmp_path) as bare:
        await topology.declare(bare.url, bare.admin_seed, ORGANISATIONS, shares=3)
        async with user(bare, "admin") as admin:
            made = await consumers(admin, "MATCHING")

    shares = [made[f"scheduling-on-matching-{each}of3"]["filter_subjects"] for each in range(3)]
    assert sorted(each for share in shares for each in share) == [f"matching.*.*.{each}" for each in range(8)]


async def test_says_so_when_the_seed_is_not_the_administrators(declared: Ground):
    with pytest.raises(TopologyError, match="the administrator's"):
        await topology.declare(declared.url, declared.configuration.seeds["matching"], ORGANISATIONS)
