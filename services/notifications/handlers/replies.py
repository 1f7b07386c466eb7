"""What people write back: digits act, STOP stops, danger pages, and everything else goes to a person."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.handlers.crisis import raise_page
from services.notifications.rules import replies as rules
from services.notifications.rules.providers import Answer
from services.notifications.rules.sending import Person, Session, Skip
from services.notifications.store import people, reminders
from services.notifications.store import replies as store
from shared.calendar import add_business_hours
from shared.clock import now
from shared.events.notifications import AnswerKind, OptedOut, SendAnswer, VisitAnswered
from shared.mailbox import Errand, Reply, Said
from shared.programme import Programme
from shared.work import ON_CALL, open_task

REPLIES = UUID("c0a4be63-93a6-5b0f-9c3e-2f9d1f7f5c10")
ANSWER_TRIES = 3
ASK = "The same human being said STOP at another number. Ask what they want; messages go again after: {ways}"
ANSWERS: dict[rules.Meaning, rules.Answer] = {each: each for each in ("coming", "new_time", "cannot_come")}


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """A text that came in; `sender` is E.164, `message_id` the provider's."""

    message_id: str
    sender: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A text, what it means, and from whom: several people may share a number."""

    reply_id: UUID
    text: str
    reply: rules.Reply
    who: list[Person]
    session: Session | None

    @property
    def first(self) -> Person:
        """This will be whom the session is with, else the first of those who share the number."""
        about = self.session.person_id if self.session else None
        return next((each for each in self.who if each.person_id == about), self.who[0])


async def hear(inbound: Inbound, db: AsyncConnection, *, programme: Programme) -> Reply:
    """This will act on a text, once; a stranger is answered nothing, and learns nothing."""
    reply_id, reply = uuid5(REPLIES, inbound.message_id), rules.read(inbound.text)
    who = await people.who_writes_from(db, "sms", inbound.sender)
    ids = [each.person_id for each in who]
    session = await reminders.last_reminded(db, ids, now=now()) if ids else None
    whose = session.person_id if session else next(iter(ids), None)
    if not await store.hear(db, reply_id=reply_id, person_id=whose, text=inbound.text, reply=reply, at=now()):
        return Reply(None)
    if not who:
        return Reply(None, await _stranger(db, reply_id, inbound.text, reply, programme=programme))
    heard = Heard(reply_id=reply_id, text=inbound.text, reply=reply, who=who, session=session)
    danger = await _danger(db, heard) if reply.danger else []
    return Reply(None, [*danger, *await _act(db, heard, programme=programme)])


async def _stranger(
    db: AsyncConnection, reply_id: UUID, text: str, reply: rules.Reply, *, programme: Programme
) -> list[Said]:
    """This will put only danger before a person: whoever wrote may have changed their number."""
    if not reply.danger:
        return []
    await open_task(
        db, kind="danger_from_unknown_number", about=str(reply_id), owner=ON_CALL, due=_at_once(), note=text
    )
    return await raise_page(db, about=reply_id, site_id=programme.site(None).site_id)


async def _danger(db: AsyncConnection, heard: Heard) -> list[Said]:
    """This will answer with the site's emergency words even when opted out, page, and put the text before a person."""
    about = str(heard.reply_id)
    await open_task(db, kind="danger_reply", about=about, owner=ON_CALL, due=_at_once(), note=heard.text)
    paged = await raise_page(db, about=heard.reply_id, site_id=heard.first.site_id)
    return [*paged, *await _answer(db, heard, "emergency")]


async def _act(db: AsyncConnection, heard: Heard, *, programme: Programme) -> list[Said]:
    meaning = heard.reply.meaning
    if meaning in ("stop", "cancel"):
        return await _stop(db, heard, programme=programme)
    if meaning == "start":
        return await _start(db, heard, programme=programme)
    if meaning == "help":
        return await _answer(db, heard, "help")
    if meaning in ANSWERS and heard.session:
        return [_answered(heard.session, ANSWERS[meaning])]
    return await _to_read(db, heard, programme=programme)


async def _start(db: AsyncConnection, heard: Heard, *, programme: Programme) -> list[Said]:
    """This will let messages go again to everybody at that number, and say so where they do.

    Where the same human being said STOP at another number, too, a person asks which of them they mean.
    """
    back = [each for each in heard.who if await people.opt_in(db, each.person_id)]
    if stopped := await people.who_said_stop(db, [each.person_id for each in heard.who]):
        note = f"{heard.text}\n{ASK.format(ways=', '.join(f'POST /people/{each}/opt-in' for each in stopped))}"
        await _task(db, "reply_to_read", str(heard.reply_id), heard, programme=programme, note=note)
        return []
    return await _answer(db, heard, "start_confirmed") if back else []


async def _stop(db: AsyncConnection, heard: Heard, *, programme: Programme) -> list[Said]:
    """This will stop all messages to everybody at that number, and never cancel a visit."""
    said: list[Said] = []
    for each in heard.who:
        if await people.opt_out(db, each.person_id, channel="sms", at=now()):
            said.append(OptedOut(person_id=each.person_id, channel="sms", at=now()))
    if heard.reply.meaning == "cancel":
        about = str(heard.session.session_id if heard.session else heard.first.person_id)
        await _task(db, "may_have_meant_to_cancel", about, heard, programme=programme)
    confirm = said and not heard.reply.danger
    return [*said, *(await _answer(db, heard, "stop_confirmed") if confirm else [])]


def _answered(session: Session, answer: rules.Answer) -> VisitAnswered:
    """This will say the answer; whoever keeps the calendar acts on it, and asks people where that takes people."""
    return VisitAnswered(person_id=session.person_id, session_id=session.session_id, answer=answer, at=now())


async def _to_read(db: AsyncConnection, heard: Heard, *, programme: Programme) -> list[Said]:
    """This will let a person read it, and tell the sender once a day whom to call."""
    await _task(db, "reply_to_read", str(heard.reply_id), heard, programme=programme, note=heard.text)
    if heard.reply.danger or heard.first.opted_out:
        return []
    helped = await store.was_helped(db, heard.first.person_id, since=now() - timedelta(days=1))
    return [] if helped else await _answer(db, heard, "help")


async def _task(
    db: AsyncConnection, kind: str, about: str, heard: Heard, *, programme: Programme, note: str | None = None
) -> None:
    site = programme.site(heard.first.site_id)
    due = add_business_hours(site, now(), 4)
    await open_task(db, kind=kind, about=about, owner=site.site_id, due=due, note=note)


async def _answer(db: AsyncConnection, heard: Heard, kind: AnswerKind) -> list[Said]:
    person_id, answer_id = heard.first.person_id, uuid5(heard.reply_id, kind)
    if not await store.answer(db, answer_id=answer_id, person_id=person_id, kind=kind, at=now()):
        return []
    return [_errand(SendAnswer(answer_id=answer_id, person_id=person_id, kind=kind, attempt=1))]


def _errand(fact: SendAnswer) -> Errand:
    return Errand(fact, key=f"answer {fact.answer_id} {fact.attempt}")


def _at_once() -> Any:
    return now() + timedelta(minutes=5)


async def record_answer(errand: SendAnswer, result: Any, db: AsyncConnection, *, dedups: bool) -> list[Said]:
    """This will keep what became of an answer, and ask a person to call where it may not have arrived.

    Emergency words are tried again even where they might come twice.
    """
    answer = result if isinstance(result, Answer) else Answer("refused" if isinstance(result, Skip) else "unknown")
    if answer.outcome == "accepted":
        await store.answered(db, errand.answer_id, state="accepted", at=now(), provider_id=answer.provider_id)
        return []
    harmless = dedups or errand.kind == "emergency" or answer.outcome == "unreachable"
    if answer.outcome != "refused" and harmless and errand.attempt < ANSWER_TRIES:
        return [_errand(errand.model_copy(update={"attempt": errand.attempt + 1}))]
    state = "unknown" if answer.outcome == "unknown" else "failed"
    await store.answered(db, errand.answer_id, state=state)
    soon = errand.kind == "emergency" or state == "unknown"
    due = now() + timedelta(hours=1 if soon else 24)
    await open_task(db, kind=f"answer_{state}", about=str(errand.person_id), owner="reception", due=due)
    return []
