"""What a referrer may change of a Task: take the referral back."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from services.referrals import handlers
from services.referrals.edge import Edge
from services.referrals.fhir import changes
from services.referrals.http.finding import own
from services.referrals.http.route import Referrer, answer, refuse_another_version
from services.referrals.reading import RESOURCE_LIMIT
from shared.edge import body_of


def add(router: APIRouter, edge: Edge) -> None:
    """This will serve what referrers change."""
    revise = partial(handlers.revise, programme=edge.programme)

    async def change(request: Request, referral_id: str, caller: Referrer, *, patch: bool) -> Response:
        async with edge.database.reading() as db:
            mine = (await own(db, referral_id, caller, "Task")).referral_id
        read = _reader(request, await body_of(request, RESOURCE_LIMIT), patch=patch)
        organisation = caller.organisation_id
        wanted = handlers.Revision(post_id=uuid4(), organisation=organisation, referral_id=mine, read=read)
        await edge.insist(await edge.run(revise, wanted))
        async with edge.database.reading() as db:
            known = await own(db, referral_id, caller, "Task")
        (task,) = await edge.tasks([known])
        return answer(task, request)

    @router.put("/Task/{referral_id}")
    async def replace(request: Request, referral_id: str, caller: Referrer) -> Response:
        """Take a referral back: its Task with the status cancelled, or entered-in-error."""
        return await change(request, referral_id, caller, patch=False)

    @router.patch("/Task/{referral_id}")
    async def patch(request: Request, referral_id: str, caller: Referrer) -> Response:
        """Take a referral back: a patch of its status to cancelled, or entered-in-error."""
        return await change(request, referral_id, caller, patch=True)


def _reader(request: Request, raw: bytes, *, patch: bool) -> Callable[[dict[str, Any]], changes.TakenBack | None]:
    media = request.headers.get("content-type", "")

    def read(before: dict[str, Any]) -> changes.TakenBack | None:
        refuse_another_version(request, before)
        wanted = changes.patched(raw, media, before) if patch else changes.put(raw, before)
        says_nothing_new = wanted.status == before["status"] and not wanted.reason
        return None if says_nothing_new else changes.allowed(wanted)

    return read
