"""What somebody might really ask of the broker to read, change or end what is not theirs: subjects and bodies."""

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import nkeys

from tests.deploy.universe import CONSUMERS, KINDS, ORGANISATIONS, SERVICES, STREAMS, said

THEFT = "theft"
Attempt = tuple[str, bytes]


def attempts(inbox: str) -> list[Attempt]:
    """Everything that is tried, with an inbox to which what it yields is to come."""
    return [(subject, body if isinstance(body, bytes) else json.dumps(body).encode()) for subject, body in _all(inbox)]


def _all(inbox: str) -> Iterator[tuple[str, Any]]:
    yield from ((each, b"forged") for each in _spoken())
    for stream in STREAMS:
        yield from _on_stream(stream, inbox)
    for stream, consumer in CONSUMERS:
        yield from _on_consumer(stream, consumer)
    yield from _on_account(inbox)


def _spoken() -> Iterator[str]:
    yield from (said(each) for each in SERVICES)
    yield from (said(f"sealed.{each}") for each in SERVICES)
    for each in ORGANISATIONS:
        yield from (f"ingest.{each}.{kind}.v1" for kind in KINDS)
        yield from (f"status.{each}.referral.v1", f"query.{each}.covered-sessions.v1")
    yield "clock.now.v1"


def _on_stream(stream: str, inbox: str) -> Iterator[tuple[str, Any]]:
    api = "$JS.API"
    yield f"{api}.STREAM.INFO.{stream}", {"subjects_filter": ">"}
    yield f"{api}.STREAM.MSG.GET.{stream}", {"seq": 1}
    yield f"{api}.STREAM.MSG.GET.{stream}", {"next_by_subj": ">", "seq": 1}
    yield f"{api}.DIRECT.GET.{stream}", {"seq": 1}
    yield f"{api}.DIRECT.GET.{stream}.{said('referrals')}", b""
    yield f"{api}.STREAM.MSG.DELETE.{stream}", {"seq": 1, "no_erase": True}
    yield f"{api}.STREAM.PURGE.{stream}", {}
    yield f"{api}.STREAM.DELETE.{stream}", b""
    yield f"{api}.STREAM.SNAPSHOT.{stream}", {"deliver_subject": inbox, "no_consumers": False}
    yield f"{api}.STREAM.UPDATE.{stream}", {"name": stream, "subjects": ["nothing"], "storage": "file"}
    yield f"{api}.STREAM.CREATE.{THEFT}", {"name": THEFT, "mirror": {"name": stream}, "storage": "file"}
    pushed = {"durable_name": THEFT, "deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "all"}
    yield f"{api}.CONSUMER.CREATE.{stream}.{THEFT}", {"stream_name": stream, "config": pushed | {"name": THEFT}}
    yield f"{api}.CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": {**pushed, "durable_name": ""}}
    yield f"{api}.CONSUMER.DURABLE.CREATE.{stream}.{THEFT}", {"stream_name": stream, "config": pushed}
    yield f"{api}.CONSUMER.NAMES.{stream}", {}
    yield f"{api}.CONSUMER.LIST.{stream}", {}


def _on_consumer(stream: str, consumer: str) -> Iterator[tuple[str, Any]]:
    at = f"{stream}.{consumer}"
    yield f"$JS.API.CONSUMER.MSG.NEXT.{at}", {"batch": 10, "no_wait": True}
    yield f"$JS.API.CONSUMER.INFO.{at}", b""
    yield f"$JS.API.CONSUMER.PAUSE.{at}", {"pause_until": "2099-01-01T00:00:00Z"}
    yield f"$JS.API.CONSUMER.RESET.{at}", {"seq": 1}
    yield f"$JS.API.CONSUMER.DELETE.{at}", b""
    yield f"$JS.ACK.{at}.1.1.1.1.0", b"+TERM"


def _on_account(inbox: str) -> Iterator[tuple[str, Any]]:
    for each in ("INFO", "STREAM.NAMES", "STREAM.LIST", "ACCOUNT.PURGE.PLATFORM", "META.LEADER.STEPDOWN"):
        yield f"$JS.API.{each}", {}
    taken = {"name": THEFT, "subjects": ["status.>", "ingest.>"], "storage": "file"}
    yield f"$JS.API.STREAM.CREATE.{THEFT}", taken
    yield f"$JS.API.STREAM.RESTORE.{THEFT}", {"config": taken, "state": {}}
    for each in ("SERVER.PING", "SERVER.PING.JSZ", "ACCOUNT.PLATFORM.CONNZ", "ACCOUNT.PLATFORM.SUBSZ", "USER.INFO"):
        yield f"$SYS.REQ.{each}", b""
    for each in ("ACCOUNT.PING.CONNZ", "CLAIMS.UPDATE", "CLAIMS.LIST", "SERVER.PING.RELOAD", "SERVER.PING.KICK"):
        yield f"$SYS.REQ.{each}", {"cid": 1}
    yield from ((f"_INBOX_{each}.x", b"forged") for each in (*SERVICES, *ORGANISATIONS, "admin"))
    yield "_R_.x.y", b"forged"


async def greeted(url: str, words: dict[str, Any], *, seed: bytes | None = None, nonce: str | None = None) -> str:
    """What the server says to whoever shows these credentials, its challenge signed by a seed where one is given."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        challenge = json.loads((await reader.readline()).partition(b" ")[2])
        if seed:
            signature = nkeys.from_seed(bytearray(seed)).sign((nonce or challenge["nonce"]).encode())
            words = words | {"sig": base64.urlsafe_b64encode(signature).decode().rstrip("=")}
        told = {"verbose": False, "pedantic": False, "lang": "x", "version": "1", "protocol": 1} | words
        writer.write(b"CONNECT " + json.dumps(told).encode() + b"\r\nPING\r\n")
        return (await asyncio.wait_for(reader.readline(), 5)).decode().strip()
    finally:
        writer.close()
