"""The HTTP edge: texts that come in, and what was sent to whom."""

import hmac
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from services.notifications import handlers
from services.notifications.rules import addresses
from services.notifications.store import reminders
from shared.callers import Agency
from shared.database import Database
from shared.edge import Problem, StrictRoute
from shared.mailbox import Run
from shared.programme import Programme


class Text(BaseModel):
    """A text as the provider hands it over; the same `id` is the same text."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)
    id: Annotated[str, Field(min_length=1, max_length=200)]
    sender: Annotated[str, Field(alias="from", min_length=1, max_length=64)]
    text: Annotated[str, Field(max_length=20_000)]


class OptInBody(BaseModel):
    """Who was told that the person wants messages again, and how."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Stopped(BaseModel):
    """Whose STOP still keeps messages from a person: that of a linked person; nobody's where messages go again."""

    stopped_by: list[UUID]


class Sent(BaseModel):
    """One message of a person: when, how and whether; never its words."""

    reminder_id: UUID
    session_id: UUID
    kind: str
    due: datetime
    state: str
    why: str | None
    channel: str | None
    attempt: int
    sent_at: datetime | None


def routes(run: Run, database: Database, programme: Programme, *, secret: SecretStr) -> APIRouter:
    """This will serve POST /inbound/sms to the provider, and the rest to the programme's own people."""
    router = APIRouter(route_class=StrictRoute)
    hear = partial(handlers.hear, programme=programme)

    async def from_provider(x_inbound_secret: Annotated[str, Header()] = "") -> None:
        expected = secret.get_secret_value().encode()
        if not expected or not hmac.compare_digest(x_inbound_secret.encode(), expected):
            raise Problem(
                401, "Unknown provider", where="header X-Inbound-Secret", remedy="send the secret you were given"
            )

    @router.post("/inbound/sms", dependencies=[Depends(from_provider)], tags=["replies"])
    async def inbound(text: Text) -> dict[str, bool]:
        """Take in a text a person wrote; the answer says nothing about who is known here."""
        sender = addresses.phone(text.sender, region=programme.site(None).region)
        if sender is None:
            raise Problem(422, "That is no phone number", where="body.from", remedy="send it as E.164: +12025550143")
        await run(hear, handlers.Inbound(message_id=text.id, sender=sender, text=text.text))
        return {"received": True}

    @router.get("/messages", tags=["messages"])
    async def messages(person_id: UUID, _: Agency) -> list[Sent]:
        """A person's messages, in the order in which they fall due."""
        async with database.reading() as db:
            return [Sent(**each) for each in await reminders.history(db, person_id)]

    _add_opt_in(router, run)
    return router


def _add_opt_in(router: APIRouter, run: Run) -> None:
    @router.post("/people/{person_id}/opt-in", tags=["messages"])
    async def opt_in(person_id: UUID, body: OptInBody, _: Agency) -> Stopped:
        """Lift a person's STOP at their word; that of a linked person is lifted by itself."""
        try:
            left = await run(handlers.lift, handlers.OptingIn(person_id=person_id, by=body.by, reason=body.reason))
        except handlers.Unknown:
            raise Problem(404, "Nobody is known by this id", where="path.person_id", remedy="check the id") from None
        return Stopped(stopped_by=left)
