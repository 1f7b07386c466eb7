"""The form at /ask for people who ask for themselves, and the page of each behind a link of its own."""

import ipaddress
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from services.referrals import handlers, store
from services.referrals.asking import form, links
from services.referrals.asking.form import Asked, Typed
from services.referrals.asking.pages import Pages, Pointed, Shown
from services.referrals.asking.words import choose
from services.referrals.edge import Edge
from services.referrals.fhir.outcome import refuse
from services.referrals.reading import Posted, Reading
from services.referrals.rules.asked import at_once, standing
from services.referrals.rules.journey import OVER, TAKEN_BACK
from services.referrals.rules.order import Identifier, ReferralOrder
from services.referrals.rules.triage import PHONE_WITHIN, in_danger
from shared.away import is_away
from shared.calendar import day_at
from shared.clock import now
from shared.edge import body_of
from shared.pace import Pace
from shared.programme import SelfReferral

IPV6_HOME = 64
"""How many bits of an IPv6 address one home, and whoever is in it, has in common."""


def asking_routes(edge: Edge, asked: SelfReferral) -> APIRouter:
    """This will serve /ask, in the name of the programme's own people."""
    door = door_of(edge, asked)
    router = APIRouter(prefix="/ask", tags=["asking"], route_class=door.route(), default_response_class=HTMLResponse)
    _add_form(router, door)
    _add_page(router, door)
    return router


def door_of(edge: Edge, asked: SelfReferral) -> "Door":
    """This will give where people come in, with the pages of the programme."""
    home = edge.programme.site(edge.programme.organisations[asked.organisation_id].site_id)
    return Door(edge=edge, pages=Pages(edge.programme, home), asked=asked)


def _add_form(router: APIRouter, door: "Door") -> None:
    @router.get("")
    async def ask(request: Request) -> Response:
        """The form for somebody who asks for a peer supporter themselves."""
        language = spoken(request)
        return door.answer(door.pages.form(language, links.new_form(), Typed()), language)

    @router.post("", status_code=201)
    async def send(request: Request) -> Response:
        """Take the form in, and answer with what comes next; or show it again, with what is wrong."""
        return await door.take(request)


def _add_page(router: APIRouter, door: "Door") -> None:
    @router.get("/{link}")
    async def where(request: Request, link: str) -> Response:
        """Where things stand, for whoever has the link."""
        language, known = spoken(request), await door.behind(request, link)
        if isinstance(known, Response):
            return known
        return door.answer(door.pages.where(language, await door.shown(known, link)), language)

    @router.post("/{link}/take-back", status_code=303)
    async def take_back(request: Request, link: str) -> Response:
        """Take back what was asked for, at the wish of whoever has the link."""
        language, known = spoken(request), await door.behind(request, link)
        if isinstance(known, Response):
            return known
        await door.take_back(known)
        there = {"Location": f"/ask/{link}?lang={language}"}
        return Response(status_code=303, headers={**door.pages.headers(language), **there})


def spoken(request: Request) -> str:
    """This will give the language of the page that is asked for."""
    return choose(request.query_params.get("lang", ""), request.headers.get("accept-language", ""))


def address_of(request: Request) -> str:
    """This will give what a request is counted by: its address, of IPv6 the part that is a home's."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network(f"{host.partition('%')[0]}/{IPV6_HOME}", strict=False))


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where people come in who ask for themselves."""

    edge: Edge
    pages: Pages
    asked: SelfReferral

    def answer(self, page: str, language: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """This will answer with a page."""
        return HTMLResponse(page, status, {**self.pages.headers(language), **(headers or {})})

    def gone(self, language: str) -> Response:
        """This will answer whoever has no link of ours, or one that is over: always with the same page."""
        return self.answer(self.pages.note(language, "gone"), language, 404)

    def later(self, language: str, status: int, seconds: int) -> Response:
        """This will ask somebody to come back in some seconds."""
        return self.answer(self.pages.note(language, "later"), language, status, {"Retry-After": str(seconds)})

    async def take(self, request: Request) -> Response:
        """This will take in a form: what tells of danger at once, anything else when nothing is wrong with it."""
        language = spoken(request)
        try:
            typed = form.typed_of(await body_of(request))
        except ValueError:
            return self.answer(self.pages.note(language, "large"), language, 413)
        again = partial(self._again, language, typed)
        pace: Pace = request.app.state.asks
        if seconds := ceil(pace.wait(address_of(request))):
            return again("slow", 429, {"Retry-After": str(seconds)}, minutes=ceil(seconds / 60))
        link = links.link_of(typed.one("form"))
        number = links.number_of(link) if link else None
        if link is None or number is None:
            return again("stale", 422)
        asked = self._read(typed, number, language)
        try:
            if asked.young and not in_danger(asked.order):
                return await self._turn_away(language)
            if asked.wrong and not at_once(asked.order):
                return again("danger_unreached" if in_danger(asked.order) else "", 422, wrong=asked.wrong)
            return await self._keep(asked, link, language)
        except Exception as wrong:
            if not is_away(wrong):
                raise
            return again("away", 503, {"Retry-After": "60"})

    def _read(self, typed: Typed, number: Identifier, language: str) -> Asked:
        today = day_at(self.pages.home, now())
        return form.read(typed, number, sites=self.edge.programme.sites, language=language, today=today)

    def _again(
        self,
        language: str,
        typed: Typed,
        notice: str,
        status: int,
        headers: dict[str, str] | None = None,
        *,
        wrong: dict[str, str] | None = None,
        **values: object,
    ) -> Response:
        """This will show the form again as it was sent, by the same number: a second try is no second referral."""
        number = typed.one("form") if links.link_of(typed.one("form")) else links.new_form()
        said = self.pages.words[language].say(notice, **values) if notice else ""
        return self.answer(
            self.pages.form(language, number, typed, wrong=wrong, notice=said), language, status, headers
        )

    async def _turn_away(self, language: str) -> Response:
        """This will tell somebody who is too young to ask alone where to turn, and keep only that it happened."""
        wrong = refuse("business-rule", "birth", "let somebody of age ask with them")
        await self.edge.account(uuid4(), self.asked.organisation_id, wrong)
        return self.answer(self.pages.note(language, "adults"), language, 422)

    async def _keep(self, asked: Asked, link: str, language: str) -> Response:
        """This will take in what was asked as any other referral, and answer with the link to it."""
        received = await self._received(asked.order)
        content = store.content_of(self.asked.organisation_id, asked.order)
        if not received.new and content != received.referral.content:
            # What was corrected after it was sent is taken in as well: only this form knows the right number to call.
            link = links.corrected(link, content)
            received = await self._received(asked.order.model_copy(update={"identifier": links.number_of(link)}))
        page = self.pages.done(language, await self.shown(received.referral, link))
        return self.answer(page, language, 201 if received.new else 200)

    async def _received(self, order: ReferralOrder) -> handlers.Received:
        reading = Reading([Posted(order)])
        (received,) = await self.edge.keep(uuid4(), self.asked.organisation_id, reading)
        return received

    async def behind(self, request: Request, link: str) -> store.Referral | Response:
        """This will find what somebody asked by their link; else give the page of who comes too fast, or too late."""
        language = spoken(request)
        if request.app.state.looks.wait(address_of(request)):
            return self.later(language, 429, 1)
        return await self.find(link) or self.gone(language)

    async def find(self, link: str) -> store.Referral | None:
        """This will find what somebody asked by their link; None where there is no such link, or it is over."""
        number = links.number_of(link)
        if number is None:
            return None
        async with self.edge.database.reading() as db:
            known = await store.by_placer(db, self.asked.organisation_id, number)
        return known if known and now() < self._until(known) else None

    def _until(self, known: store.Referral) -> datetime:
        return known.arrived_at + timedelta(days=self.asked.link_days)

    async def shown(self, known: store.Referral, link: str) -> Shown:
        """This will give what somebody may see of what they asked: neutral words, no names, no times of meetings."""
        status, in_crisis = known.order.status, known.crisis_at is not None
        return Shown(
            link=link,
            stands=standing(known.state, status, in_crisis=in_crisis, reasons=known.reasons),
            site=self.edge.programme.site(known.site_id),
            until=self._until(known),
            by=known.crisis_at + PHONE_WITHIN if known.crisis_at else None,
            may_take_back=status not in TAKEN_BACK and known.state not in OVER,
            # Nothing else is an answer to danger.
            pointed=() if in_crisis else await self._pointed(known),
            unheard=bool(await self.edge.unheard([known])),
        )

    async def _pointed(self, known: store.Referral) -> tuple[Pointed, ...]:
        async with self.edge.database.reading() as db:
            found = await store.pointers_of(db, known.referral_id)
            listed = await store.directory_of(db, self.edge.shipped) if found else {}
        mine = [each for each in found if each.entry_id in listed]
        return tuple(Pointed(way=each.way, listed=listed[each.entry_id], said=each.said) for each in mine)

    async def take_back(self, known: store.Referral) -> None:
        """This will take back what was asked for, and every consent with it, once."""
        if known.order.status in TAKEN_BACK:
            return
        # The consents first: whoever takes back again what was half taken back ends what is left.
        run, programme = self.edge.run, self.edge.programme
        await run(partial(handlers.revoke, programme=programme), (known.referral_id, handlers.THEMSELVES))
        async with self.edge.database.reading() as db:
            latest = await store.by_id(db, known.referral_id) or known
        order = latest.order.model_copy(update={"status": "withdrawn"})
        post = Reading([Posted(order, known=known.referral_id)])
        await self.edge.keep(uuid4(), known.organisation, post)

    def route(self) -> type[APIRoute]:
        """This will make the routes of /ask answer with a page also where the database is away."""
        door = self

        class PageRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def paged(request: Request) -> Response:
                    try:
                        return await handle(request)
                    except Exception as wrong:
                        if not is_away(wrong):
                            raise
                        return door.later(spoken(request), 503, 30)

                return paged

        return PageRoute
