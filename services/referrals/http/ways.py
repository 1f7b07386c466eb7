"""Where people go from our pages: by links of ours that say nothing, and what they say of it for themselves."""

from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from services.referrals import handlers, store
from services.referrals.asking.form import typed_of
from services.referrals.edge import Edge
from services.referrals.http.asking import Door, address_of, door_of, spoken
from services.referrals.rules.pointing import Said
from shared.edge import body_of
from shared.programme import SelfReferral

SAID: dict[str, Said] = {"helped": "helped", "not_for_me": "not_for_me"}


def ways_routes(edge: Edge, asked: SelfReferral) -> APIRouter:
    """This will serve /ask/to/, and what people say of where they went."""
    door = door_of(edge, asked)
    router = APIRouter(prefix="/ask", tags=["asking"], route_class=door.route(), default_response_class=HTMLResponse)
    _add_way(router, door)
    _add_word(router, door)
    return router


def _add_way(router: APIRouter, door: Door) -> None:
    lead = partial(handlers.lead_there, shipped=door.edge.shipped, works=door.asked.link_days)

    @router.get("/to/{way}", status_code=303)
    async def go(request: Request, way: str) -> Response:
        """Lead whoever has this link to where it goes: an address in the directory, never one of the caller's."""
        language = spoken(request)
        if request.app.state.looks.wait(address_of(request)):
            return door.later(language, 429, 1)
        try:
            there = await door.edge.run(lead, way)
        except handlers.NoWay:
            return door.gone(language)
        return Response(status_code=303, headers={**door.pages.headers(language), "Location": there})


def _add_word(router: APIRouter, door: Door) -> None:
    @router.post("/{link}/said", status_code=303)
    async def said(request: Request, link: str) -> Response:
        """Keep what somebody says of what they were pointed to: that it helped, or is not for them."""
        language, known = spoken(request), await door.behind(request, link)
        if isinstance(known, Response):
            return known
        try:
            typed = typed_of(await body_of(request))
        except ValueError:
            return door.answer(door.pages.note(language, "large"), language, 413)
        word = SAID.get(typed.one("said"))
        if word is None or not await _keep(door, known, typed.one("way"), word):
            return door.gone(language)
        there = {"Location": f"/ask/{link}?lang={language}#elsewhere"}
        return Response(status_code=303, headers={**door.pages.headers(language), **there})


async def _keep(door: Door, known: store.Referral, way: str, word: Said) -> bool:
    """This will keep what somebody says, and say whether it was about something on their page."""
    try:
        await door.edge.run(handlers.say, handlers.Word(referral_id=known.referral_id, way=way, said=word))
    except handlers.NoWay:
        return False
    return True
