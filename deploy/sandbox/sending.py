"""Sends a partner's messages to a deployment that runs, as the partner's own system would, each by its way in."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import aiohttp
import nats
import nats.errors

from deploy.nats.permissions import inbox
from deploy.sandbox.files import Message
from deploy.sandbox.pipes import answer_of, is_followed
from deploy.sandbox.verdicts import Outcome, Reply, ids_in, not_taken, of_task, words_of
from services.referrals import handlers
from services.referrals.mllp.frames import END, NoFrame, framed, read_frame
from services.referrals.reading import Refused, read
from services.referrals.rules.order import Identifier
from services.referrals.rules.triage import in_danger
from shared import names
from shared.programme import Programme

Way = Literal["http", "mllp", "nats"]
FITS: Mapping[str, tuple[Way, ...]] = {
    "FHIR": ("http", "nats"),
    "HL7 v2": ("mllp", "nats"),
    "our JSON": ("nats",),
}
"""By which ways each dialect comes in, the usual one first."""

PATIENCE = aiohttp.ClientTimeout(total=60, connect=5)
ANSWERED_WITHIN, SEEN_WITHIN, AGAIN = 60, 10.0, 0.2
TOO_FAST, REFUSED, TRIES = 429, 400, 20
LARGEST = 2 << 20


@dataclass(frozen=True)
class Doors:
    """Where an organisation comes in: HTTP with its key, and where it has them a line of HL7 v2, and the bus.

    The `programme` is what the service on the bus checks messages by.
    """

    organisation: str
    http: str
    key: str
    mllp: tuple[str, int] | None = None
    bus: str = ""
    seed: str = ""
    programme: Programme | None = None

    def way(self, message: Message, by: Way | None) -> Way:
        """This will choose the way for a message; ValueError where there is none."""
        there: dict[Way, bool] = {"http": True, "mllp": self.mllp is not None, "nats": bool(self.bus and self.seed)}
        ways = [each for each in FITS[message.dialect] if there[each] and by in (None, each)]
        if not ways:
            fits = " or ".join(FITS[message.dialect])
            here = ", ".join(each for each in there if there[each])
            raise ValueError(f"{message.name}: {message.dialect} comes in by {fits}; here is {by or here} only.")
        return ways[0]


@asynccontextmanager
async def at(doors: Doors) -> AsyncIterator["Sender"]:
    """This will stand at the doors of a deployment; the bus is joined when the first message goes by it."""
    headers = {"Authorization": f"Bearer {doors.key}"}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=headers, timeout=PATIENCE))
        yield Sender(doors, http, stack)


class Sender:
    """Sends one message after another, waits for the answer to each, and says what became of it."""

    def __init__(self, doors: Doors, http: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.doors, self.http, self._stack = doors, http, stack
        self._bus: Any = None

    async def send(self, message: Message, by: Way | None = None) -> Outcome:
        """This will send a message; who sends it again sends nothing new."""
        ways: dict[Way, Callable[[Message], Any]] = {"http": self._post, "mllp": self._line, "nats": self._publish}
        outcome: Outcome = await ways[self.doors.way(message, by)](message)
        return outcome

    async def _post(self, message: Message) -> Outcome:
        status, body = await self._asked("POST", message.path, data=message.raw, media=message.media)
        if status >= REFUSED:
            return not_taken(str(status), words_of(body))
        return await self._found(ids_in(body), str(status), known=_is_known(status, body))

    async def _asked(self, method: str, path: str, *, media: str = "", **how: Any) -> tuple[int, dict[str, Any]]:
        """This will make a request, again and later where that is asked for, and give the status and what it says."""
        headers = {"Content-Type": media} if media else {}
        for _ in range(TRIES):
            url = self.doors.http + path
            async with self.http.request(method, url, headers=headers, allow_redirects=False, **how) as answer:
                body = await answer.json(content_type=None)
                pause = float(answer.headers.get("Retry-After", "1"))
                if answer.status != TOO_FAST:
                    return answer.status, body if isinstance(body, dict) else {}
            await asyncio.sleep(pause)
        raise ConnectionError(f"{self.doors.http} asks to come later again and again.")

    async def _found(self, ids: Iterable[UUID], status: str, *, known: bool = False) -> Outcome:
        """This will read the Tasks of referrals, which say what became of them."""
        answers = [await self._asked("GET", f"/fhir/Task/{each}") for each in dict.fromkeys(ids)]
        tasks = [body for got, body in answers if got < REFUSED]
        words = dict.fromkeys(word for each in tasks for word in words_of(each))
        return Outcome([of_task(each, known=known) for each in tasks] or ["sent"], Reply(status, list(words)))

    async def _line(self, message: Message) -> Outcome:
        assert self.doors.mllp
        async with asyncio.timeout(ANSWERED_WITHIN):
            reader, writer = await asyncio.open_connection(*self.doors.mllp, limit=LARGEST)
            try:
                writer.write(framed(message.raw.strip(b"\x0b\r\n" + END)))
                raw = await read_frame(reader)
                more = await read_frame(reader) if raw and is_followed(raw) else b""
            except NoFrame:
                raw = more = None
            finally:
                writer.close()
        if raw is None or more is None:
            raise ConnectionError(f"The line at {self.doors.mllp[0]}:{self.doors.mllp[1]} ended without an answer.")
        answer = answer_of(*filter(None, (raw, more)))
        if answer.referral_id is None:
            return not_taken(answer.status, answer.errors)
        return await self._found([answer.referral_id], answer.status)

    async def _publish(self, message: Message) -> Outcome:
        """This will post on the bus what can be read, and look over HTTP for what became of it.

        The organisation's own status stream is left to its own system: what is read there is gone for that one.
        """
        try:
            reading = read(message.raw, message.media)
            if self.doors.programme:
                handlers.check(reading, self.doors.programme, self.doors.organisation)
        except Refused as wrong:
            return Outcome(
                ["refused"], Reply("not sent", [f"{each.expression}: {each.remedy}" for each in wrong.issues])
            )
        numbers = [each.order.identifier for each in reading.posted if each.order.identifier]
        before = [await self._tasks(each) for each in numbers]
        number = hashlib.sha256(message.raw).hexdigest()
        told = {"Nats-Msg-Id": number, "Content-Type": message.media}
        subject = names.ingest_subject(self.doors.organisation, "referral")
        try:
            kept = await (await self._joined()).publish(subject, message.raw, headers=told)
        except nats.errors.Error as wrong:
            raise ConnectionError(f"The broker at {self.doors.bus} did not take {message.name}: {wrong}") from None
        # What the broker has already says nothing new.
        olds = [[] if kept.duplicate else each for each in before]
        danger = any(in_danger(each.order) for each in reading.posted) and not kept.duplicate
        found = [await self._seen(each, old, danger=danger) for each, old in zip(numbers, olds, strict=True)]
        if not found or not all(found):
            stream = names.status_stream(self.doors.organisation)
            return Outcome(["sent"], Reply("kept", [f"nothing new is seen yet; what became of it is said on {stream}"]))
        tasks = [body for each in found for body in each]
        words = dict.fromkeys(word for each in tasks for word in words_of(each))
        return Outcome([of_task(each, known=any(before)) for each in tasks], Reply("kept", list(words)))

    async def _joined(self) -> Any:
        if self._bus is None:
            client = await nats.connect(
                self.doors.bus,
                nkeys_seed=self.doors.seed,
                inbox_prefix=inbox(self.doors.organisation),
                allow_reconnect=False,
                connect_timeout=5,
            )
            self._stack.push_async_callback(client.close)
            self._bus = client.jetstream()
        return self._bus

    async def _tasks(self, number: Identifier) -> list[dict[str, Any]]:
        wanted = f"{number.system}|{number.value}" if number.system else number.value
        status, body = await self._asked("GET", "/fhir/Task", params={"identifier": wanted})
        if status >= REFUSED:
            raise ConnectionError(f"{self.doors.http} answered {status}: {' '.join(words_of(body))}")
        return [each["resource"] for each in body.get("entry", [])]

    async def _seen(self, number: Identifier, old: list[dict[str, Any]], *, danger: bool) -> list[dict[str, Any]]:
        """This will give the Tasks of a number once they are not the `old` ones; none where that is not in ten seconds.

        A referral that goes on changes by itself: of a repeat that tells of danger, only a Task that says so is new.
        """
        for _ in range(int(SEEN_WITHIN / AGAIN)):
            found = await self._tasks(number)
            is_heard = not (danger and old) or any(of_task(each) == "danger" for each in found)
            if found and is_heard and _versions(found) != _versions(old):
                return found
            await asyncio.sleep(AGAIN)
        return []


def _versions(tasks: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {each["id"]: each["meta"]["lastUpdated"] for each in tasks}


def _is_known(status: int, body: dict[str, Any]) -> bool:
    """This will say whether an answer says that everything in a post was there already."""
    if body["resourceType"] != "Bundle":
        return status == 200
    made = [each["response"] for each in body["entry"] if "location" in each.get("response", {})]
    return bool(made) and all(each["status"].startswith("200") for each in made)
