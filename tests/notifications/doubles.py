"""A small real SMS provider, pager and SMTP server: they take what a true one would, and remember it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any


@dataclass
class HttpDouble:
    """Drops repeats by Idempotency-Key; `behaviour` is how it answers: 202, another status, `hang` or `drop`."""

    url: str = ""
    behaviour: int | str = 202
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        self.asked += 1
        if self.behaviour == "drop":
            writer.close()
            return
        status = self._status(headers["idempotency-key"], body)
        if self.behaviour == "hang":
            await asyncio.sleep(30)
        said = json.dumps({"id": f"p-{len(self.taken)}"}).encode()
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(said)}\r\nconnection: close\r\n\r\n".encode() + said)
        await writer.drain()
        writer.close()

    def _status(self, key: str, body: dict[str, Any]) -> int:
        if isinstance(self.behaviour, int) and self.behaviour >= 300:
            return self.behaviour
        if key in self.taken:
            return 409
        self.taken[key] = body
        return 202


@dataclass
class SmtpDouble:
    """Takes mails; `refuses` is the code with which it answers RCPT, `drops` that it leaves after the data came."""

    port: int = 0
    refuses: int = 0
    drops: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak as much SMTP as a client needs."""
        writer.write(b"220 double\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.upper().split(" ")[0]
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                mail = BytesParser(policy=default).parsebytes(raw[:-5])
                self.mails.append(mail)  # type: ignore[arg-type]
                if self.drops:
                    break
            elif verb == "RCPT" and self.refuses:
                writer.write(f"{self.refuses} no\r\n".encode())
                continue
            elif verb == "RCPT":
                self.recipients.append(line.split("<")[1].split(">")[0])
            writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")
            if verb == "QUIT":
                break
        writer.close()


@asynccontextmanager
async def http_double() -> AsyncIterator[HttpDouble]:
    """Listen on a free port."""
    double = HttpDouble()
    server = await asyncio.start_server(double.serve, "127.0.0.1", 0)
    double.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/messages"
    yield double
    server.close()


@asynccontextmanager
async def smtp_double() -> AsyncIterator[SmtpDouble]:
    """Listen on a free port."""
    double = SmtpDouble()
    server = await asyncio.start_server(double.serve, "127.0.0.1", 0)
    double.port = server.sockets[0].getsockname()[1]
    yield double
    server.close()
