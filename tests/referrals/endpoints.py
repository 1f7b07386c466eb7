"""A hospital's own endpoint: a small real HTTP or HTTPS server, and what it was told."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select

from shared import clock
from shared.clock import real
from shared.events.referrals import ReferralFellDue
from shared.mailbox.tables import timers
from tests.referrals.makers import Desk

TOPIC = "https://alongside.example/fhir/SubscriptionTopic/referral-status"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
HOST = "hooks.hospital.example"


@dataclass
class Endpoint:
    """Answers as `behaviour` says: a status and `answer`, `endless` (a body that never ends), `hang`, or `drop`."""

    url: str = ""
    behaviour: int | str = 200
    answer: bytes = b""
    heads: list[str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    sent: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.heads.append(head)
            self.taken.append(json.loads(body) if body else {})
            await self._answer(writer)
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        if self.behaviour == "hang":
            await asyncio.sleep(30)
        elif self.behaviour == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
                self.sent += 65_536
        elif self.behaviour != "drop":
            place = f"Location: {self.url}elsewhere\r\n" if self.behaviour in (301, 302, 307, 308) else ""
            head = f"HTTP/1.1 {self.behaviour} Told\r\n{place}Content-Length: {len(self.answer)}\r\n\r\n"
            writer.write(head.encode() + self.answer)
            await writer.drain()

    def told(self) -> list[tuple[str, list[int], list[str]]]:
        """Each call: its type, the numbers of its events, and the ids of the Tasks that changed."""
        return [(_kind(each), _numbers(each), _focuses(each)) for each in self.taken]


def parameters(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The status that a notification begins with."""
    found: list[dict[str, Any]] = bundle["entry"][0]["resource"]["parameter"]
    return found


def parameter(bundle: dict[str, Any], name: str) -> Any:
    """One value of the status."""
    (found,) = (each for each in parameters(bundle) if each["name"] == name)
    return next(value for key, value in found.items() if key.startswith("value"))


def _kind(bundle: dict[str, Any]) -> str:
    return str(parameter(bundle, "type"))


def _parts(bundle: dict[str, Any], name: str) -> list[dict[str, Any]]:
    events = [each["part"] for each in parameters(bundle) if each["name"] == "notification-event"]
    return [part for event in events for part in event if part["name"] == name]


def _numbers(bundle: dict[str, Any]) -> list[int]:
    return [int(each["valueString"]) for each in _parts(bundle, "event-number")]


def _focuses(bundle: dict[str, Any]) -> list[str]:
    return [each["valueReference"]["reference"].rsplit("/", 1)[-1] for each in _parts(bundle, "focus")]


@asynccontextmanager
async def endpoint(
    host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Endpoint]:
    """An endpoint that listens."""
    found = Endpoint()
    server = await asyncio.start_server(found.serve, host, port, ssl=tls)
    where = server.sockets[0].getsockname()
    found.url = f"http://{where[0]}:{where[1]}/"
    async with server:
        yield found
        server.close()


def port_of(found: Endpoint) -> int:
    """Where an endpoint listens."""
    return int(found.url.rstrip("/").rsplit(":", 1)[1])


def certificates(folder: Path, host: str = HOST) -> tuple[Path, ssl.SSLContext]:
    """A certificate for a host, as a file to believe and as what a server shows."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string(f"CN={host}")
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(real() - timedelta(days=1))
        .not_valid_after(real() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    believed, secret = folder / f"{host}.pem", folder / f"{host}.key"
    believed.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(believed, secret)
    return believed, shown


def extension(name: str, **value: Any) -> dict[str, Any]:
    """One of the backport's extensions."""
    return {"url": BACKPORT + name, **value}


def subscription(
    url: str, *, content: str | None = "id-only", beat: int | None = None, **changes: Any
) -> dict[str, Any]:
    """A Subscription as a hospital writes it; None takes an element of it, or of its channel, away."""
    told = [extension("payload-content", valueCode=content)] if content else []
    channel: dict[str, Any] = {
        "type": "rest-hook",
        "endpoint": url,
        "payload": "application/fhir+json",
        "_payload": {"extension": told},
        "extension": [extension("heartbeat-period", valueUnsignedInt=beat)] if beat else [],
        "header": ["Authorization: Bearer a-secret-of-theirs"],
    }
    valid = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To hear what became of our referrals",
        "criteria": TOPIC,
        "channel": {name: each for name, each in (channel | changes).items() if name in channel and each is not None},
    }
    changes = {name: value for name, value in changes.items() if name not in channel}
    return {name: value for name, value in (valid | changes).items() if value is not None}


async def subscribed(desk: Desk, body: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A Subscription that was taken, as it was answered."""
    answer = await desk.refer(body, path="/fhir/Subscription", **rest)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def settle(desk: Desk) -> None:
    """Ring what is due and make the calls, until nothing is left to do now."""
    mailbox = desk.service.mailbox
    while await mailbox.timers.once() or await mailbox.errands.once():
        pass


async def until(desk: Desk, moment: datetime) -> None:
    """Let domain time pass, stopping at every timer on the way."""
    await settle(desk)
    while (due := await next_due(desk)) and due <= moment:
        clock.step_to(due)
        await settle(desk)
    clock.step_to(moment)
    await settle(desk)


async def next_due(desk: Desk) -> datetime | None:
    """When the next timer rings, but those of referrals' clocks: they are days away."""
    mine = timers.c.type != ReferralFellDue.type_name(), timers.c.rung_at.is_(None)
    async with desk.service.database.reading() as db:
        found: datetime | None = await db.scalar(select(func.min(timers.c.due)).where(*mine))
    return found
