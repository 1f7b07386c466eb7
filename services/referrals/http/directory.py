"""For the programme's own people: the directory of where people are pointed to, and pointing somebody to an entry."""

from datetime import datetime
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.referrals import handlers, store
from services.referrals.edge import Edge
from services.referrals.http.findings import Body, Name, not_found
from services.referrals.rules.directory import Entry, Kind, Listed
from services.referrals.rules.pointing import Said, Status, Unfit
from shared.callers import Agency
from shared.clock import now
from shared.edge import Problem, StrictRoute

WAYS = "/ask/to/"
UNFIT: dict[Unfit, tuple[str, str]] = {
    "ended": ("This entry is over", "put it again with PUT /directory/{entry_id}, or point to another"),
    "taken_back": ("The referral was taken back", "the person asked for nothing more"),
    "in_danger": ("Somebody may be in danger", "until a person has cleared that, point to a crisis_line only"),
    "age": ("This entry is not for somebody of this age", "point to one whose ages include theirs"),
}


class EntryListed(BaseModel):
    """An entry of the directory: `kept_by` is who put it, missing for one that was shipped and left alone."""

    entry_id: UUID
    entry: Entry
    kept_by: str | None
    ended_at: datetime | None


class EntryKept(EntryListed):
    """What became of an entry that was put: `registered`, `changed`, or `known` as it is."""

    outcome: handlers.Outcome


class PointerBody(Body):
    """Who points the person to which entry."""

    by: Name
    entry_id: UUID


class PointerShown(BaseModel):
    """What somebody was pointed to, and what came of it; `link` is what may be sent to them, `label` what it is called.

    `name` stays at the programme. The link works until `link_until`; it is null where it leads nowhere.
    """

    entry_id: UUID
    kind: Kind
    name: str
    label: str
    link: str | None
    link_until: datetime | None
    part2: bool
    by: str
    pointed_at: datetime
    status: Status
    linked_at: datetime | None
    followed: int
    said: Said | None


def directory_routes(edge: Edge) -> APIRouter:
    """This will serve /directory, and POST /referrals/{referral_id}/pointers."""
    router = APIRouter(route_class=StrictRoute, tags=["directory"])
    _add_entries(router, edge)
    _add_pointers(router, edge)
    return router


def _add_entries(router: APIRouter, edge: Edge) -> None:
    @router.put("/directory/{entry_id}")
    async def put_entry(entry_id: UUID, body: Entry, staff: Agency, answer: Response) -> EntryKept:
        """Put an entry into the directory, change one, or open one again; the same again changes nothing."""
        listing = handlers.Listing(organisation=staff.organisation_id, entry_id=entry_id, entry=body)
        try:
            listed, outcome = await edge.run(partial(handlers.put_entry, shipped=edge.shipped), listing)
        except handlers.SameLabel:
            remedy = "choose a label that people can tell from the others: see GET /directory"
            raise Problem(409, "Another entry has this label", where="body.label", remedy=remedy) from None
        answer.status_code = 201 if outcome == "registered" else 200
        return EntryKept(**_listed(listed).model_dump(exclude={"entry"}), entry=listed.entry, outcome=outcome)

    @router.get("/directory")
    async def list_entries(_: Agency, kind: Kind | None = None, ended: bool = False) -> list[EntryListed]:
        """What people may be pointed to; with `ended`, what they no longer are."""
        async with edge.database.reading() as db:
            listed = (await store.directory_of(db, edge.shipped)).values()
        found = [each for each in listed if kind in (None, each.entry.kind) and ended == bool(each.ended_at)]
        return [_listed(each) for each in sorted(found, key=lambda each: (each.entry.kind, each.entry.name))]

    @router.post("/directory/{entry_id}/end")
    async def end_entry(entry_id: UUID, staff: Agency) -> EntryListed:
        """End an entry: nobody is pointed or led to it any more. One that was shipped does not come back."""
        ending = (entry_id, staff.organisation_id)
        try:
            return _listed(await edge.run(partial(handlers.end_entry, shipped=edge.shipped), ending))
        except handlers.NoEntry:
            remedy = "list them with GET /directory"
            raise Problem(404, "No such entry", where="path.entry_id", remedy=remedy) from None


def _add_pointers(router: APIRouter, edge: Edge) -> None:
    point = partial(handlers.point, programme=edge.programme, shipped=edge.shipped)

    @router.post("/referrals/{referral_id}/pointers")
    async def pointers(referral_id: UUID, body: PointerBody, _: Agency, answer: Response) -> PointerShown:
        """Point the person of a referral to an entry, and get the link to hand on; again, to let it work longer."""
        value = handlers.Pointing(referral_id=referral_id, entry_id=body.entry_id, by=body.by)
        try:
            pointer, listed, is_new = await edge.run(point, value)
        except handlers.Unknown:
            raise not_found() from None
        except handlers.NoEntry:
            remedy = "list them with GET /directory"
            raise Problem(422, "No such entry", where="body.entry_id", remedy=remedy) from None
        except handlers.NotWaiting:
            remedy = "there is no such person"
            raise Problem(409, "The referral is for tests", where="path.referral_id", remedy=remedy) from None
        except handlers.MayNotPoint as unfit:
            title, remedy = UNFIT[unfit.why]
            raise Problem(409, title, where="body.entry_id", remedy=remedy) from None
        answer.status_code = 201 if is_new else 200
        return shown(pointer, listed, edge)


async def pointers_shown(edge: Edge, referral_id: UUID) -> list[PointerShown]:
    """This will list what the person of a referral was pointed to, for the programme's own people."""
    async with edge.database.reading() as db:
        found = await store.pointers_of(db, referral_id)
        listed = await store.directory_of(db, edge.shipped) if found else {}
    return [shown(each, listed[each.entry_id], edge) for each in found if each.entry_id in listed]


def shown(pointer: store.Pointer, listed: Listed, edge: Edge) -> PointerShown:
    """This will show a pointer to the programme's own people."""
    entry = listed.entry
    asked = edge.programme.self_referral
    until = pointer.works_until(asked.link_days) if asked and entry.link and not listed.ended_at else None
    leads = until and now() < until
    return PointerShown(
        entry_id=listed.entry_id,
        kind=entry.kind,
        name=entry.name,
        label=entry.label.en,
        link=WAYS + pointer.way if leads else None,
        link_until=until if leads else None,
        part2=entry.part2,
        by=pointer.by,
        pointed_at=pointer.pointed_at,
        status=pointer.status,
        linked_at=pointer.linked_at,
        followed=pointer.followed,
        said=pointer.said,
    )


def _listed(listed: Listed) -> EntryListed:
    return EntryListed(entry_id=listed.entry_id, entry=listed.entry, kept_by=listed.kept_by, ended_at=listed.ended_at)
