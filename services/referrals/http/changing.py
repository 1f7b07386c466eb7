"""What a referrer may change of a Task: take the referral back."""

from uuid import uuid4

from fastapi import APIRouter, Request, Response

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.fhir import changes
from services.referrals.http.finding import own
from services.referrals.http.route import Referrer, answer, refuse_another_version
from services.referrals.reading import RESOURCE_LIMIT, Posted, Reading
from shared.callers import Caller
from shared.edge import body_of


def add(router: APIRouter, edge: Edge) -> None:
    """This will serve what referrers change."""

    async def change(request: Request, referral_id: str, caller: Referrer, *, patch: bool) -> Response:
        told = await _look(edge, referral_id, caller)
        known, before = told.referral, told.body
        refuse_another_version(request, before)
        raw, media = await body_of(request, RESOURCE_LIMIT), request.headers.get("content-type", "")
        wanted = changes.patched(raw, media, before) if patch else changes.put(raw, before)
        if wanted.status == before["status"] and not wanted.reason:
            await edge.tell([told], way="fhir")
            return answer(before, request)
        await _take_back(edge, known, changes.allowed(wanted), caller.organisation_id)
        after = await _look(edge, referral_id, caller)
        await edge.tell([after], way="fhir")
        return answer(after.body, request)

    @router.put("/Task/{referral_id}")
    async def replace(request: Request, referral_id: str, caller: Referrer) -> Response:
        """Take a referral back: its Task with the status cancelled, or entered-in-error."""
        return await change(request, referral_id, caller, patch=False)

    @router.patch("/Task/{referral_id}")
    async def patch(request: Request, referral_id: str, caller: Referrer) -> Response:
        """Take a referral back: a patch of its status to cancelled, or entered-in-error."""
        return await change(request, referral_id, caller, patch=True)


async def _look(edge: Edge, referral_id: str, caller: Caller) -> handlers.Told:
    """This will give a caller's own referral and its Task, of one moment."""
    async with edge.database.reading() as db:
        known = await own(db, referral_id, caller, "Task")
        return (await handlers.tasks_of(db, [known], programme=edge.programme))[known.referral_id]


async def _take_back(edge: Edge, known: store.Referral, wanted: changes.TakenBack, organisation: str) -> None:
    notes = [*known.order.notes, *([wanted.reason] if wanted.reason else [])]
    order = known.order.model_copy(update={"status": wanted.status, "notes": notes})
    posted = Posted(order, known=known.referral_id)
    await edge.insist(await edge.keep(uuid4(), organisation, Reading([posted])))
