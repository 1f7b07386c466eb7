"""What can be seen of a demo's broker from outside, and when everybody has got over what happened to it."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import nats.errors

from deploy.nats.admin import connect
from shared import names
from tests import demos
from tests.demos import Demo

BROKER = "nats-server"
SPEAKER, LISTENER = "scheduling", "notifications"
STREAM, CONSUMER = names.stream(SPEAKER), names.consumer(LISTENER, SPEAKER)
"""What is damaged, and by whom it is read: facts of all twelve weeks, each of them wanted."""

SPOKEN = (*map(names.stream, demos.SERVICES), names.SEALED_STREAM)
FORGOT = re.compile(r'^mailbox_forgotten_total\{stream="(\w+)"\} ([\d.e+]+)$', re.MULTILINE)
State = Mapping[str, Any]
Shows = Callable[[State, State], bool]
"""Whether it shows, between what was to be seen before and after it, that a fault happened."""


def ask(played: Demo, verb: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What JetStream answers an administrator."""
    request = json.dumps(body).encode() if body is not None else b""

    async def asked() -> dict[str, Any]:
        client = await connect(played.addresses()["nats"], played.data / "nats" / "keys" / "admin.nk")
        try:
            told: dict[str, Any] = json.loads((await client.request(f"$JS.API.{verb}", request, timeout=5)).data)
        finally:
            await client.close()
        return told

    return asyncio.run(asked())


def state(played: Demo) -> State:
    """When the stream and its reader were made, how much was said in all, and how much of it again."""
    streams = {each: ask(played, f"STREAM.INFO.{each}") for each in SPOKEN}
    reader = ask(played, f"CONSUMER.INFO.{STREAM}.{CONSUMER}")
    again = forgotten(played)
    return {
        "created": streams[STREAM]["created"],
        "reader": reader["created"],
        "said": sum(each["state"]["last_seq"] for each in streams.values()),
        "again": again[STREAM],
        "all again": again.total(),
    }


def forgotten(played: Demo) -> Counter[str]:
    """How many facts were said again, by stream, since each service started."""
    found = Counter[str]()
    for url in played.addresses()["services"].values():
        for name, many in FORGOT.findall(httpx.get(f"{url}/metrics", trust_env=False).text):
            found[name] += int(float(many))
    return found


def made_again(before: State, after: State) -> bool:
    """It is another stream than before."""
    return bool(before["created"] != after["created"])


def holed(before: State, after: State) -> bool:
    """It is the same stream, and a part of it had to be said again."""
    return bool(before["created"] == after["created"] and after["again"] > before["again"])


def read_anew(before: State, after: State) -> bool:
    """It is another reader than before."""
    return bool(before["reader"] != after["reader"])


def shortened(before: State, after: State) -> bool:
    """Something of what was said last, in whatever stream, had to be said again."""
    return bool(after["all again"] > before["all again"])


def nothing_lost(before: State, after: State) -> bool:
    """All streams are the same, and hold no less."""
    return bool(before["created"] == after["created"] and before["said"] <= after["said"])


def until_well(played: Demo, shows: Callable[[State], bool] = bool, within: float = 60.0) -> State:
    """Wait until everybody is there again, and it shows that the fault happened; then say what is to be seen."""
    deadline = time.monotonic() + within
    while not ((told := _well(played)) and shows(told)):
        assert played.process.poll() is None, played.last_words()
        assert time.monotonic() < deadline, f"not got over it within {within:.0f} s: {played.last_words()}"
        time.sleep(0.1)
    return told


def shows_soon(played: Demo, shows: Callable[[State], bool], within: float = 15.0) -> bool:
    """Wait until everybody is there again, and say whether it shows that the fault happened."""
    until_well(played)
    deadline = time.monotonic() + within
    while not ((told := _well(played)) and shows(told)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _well(played: Demo) -> State:
    """What is to be seen when everybody is there and has begun to speak; nothing otherwise."""
    if not all(each in played.pids() and played.is_ready(each) for each in (*demos.SERVICES, BROKER)):
        return {}
    try:
        told = state(played)
    except (KeyError, OSError, TimeoutError, httpx.HTTPError, nats.errors.Error):
        return {}
    return told if told["said"] > 100 else {}
