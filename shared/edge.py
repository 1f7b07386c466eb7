"""The HTTP edge all services share: strict bodies in, clear problems out (RFC 9457)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from shared import strict_json
from shared.away import is_away
from shared.places import wrongs

BODY_LIMIT = 65_536
BODY_SECONDS = 10
CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""What goes with every 401 (RFC 9110)."""
AWAY_SECONDS = 5
"""After how long to ask again when the database is away."""


class Problem(Exception):
    """A refusal the caller must know: `where` is a place in what they sent, `remedy` what to do."""

    def __init__(self, status: int, title: str, *, where: str = "", remedy: str = "", retry_after: int = 0) -> None:
        super().__init__(title)
        self.status, self.title, self.where, self.remedy, self.retry_after = status, title, where, remedy, retry_after


def problem(status: int, title: str, *, errors: list[dict[str, str]] | None = None, retry_after: int = 0) -> Response:
    """This will answer `application/problem+json`: type, title, status, and errors with `where` and `remedy`."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if errors:
        body["errors"] = errors
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    headers |= CHALLENGE if status == 401 else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def body_of(request: Request, limit: int = BODY_LIMIT, *, within: float = BODY_SECONDS) -> bytes:
    """This will read a body of at most `limit` bytes, and stop reading where it is longer, or takes too long (s)."""
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > limit:
        raise strict_json.TooLarge("$", f"send at most {limit:,} bytes")
    read = bytearray()
    try:
        async with asyncio.timeout(within):
            async for part in request.stream():
                read += part
                if len(read) > limit:
                    raise strict_json.TooLarge("$", f"send at most {limit:,} bytes")
    except TimeoutError:
        raise Problem(408, "The body took too long", remedy=f"send it within {within:g} seconds") from None
    return bytes(read)


class StrictRequest(Request):
    """A request of at most `limit` bytes whose JSON is read by `strict_json`."""

    limit = BODY_LIMIT

    async def body(self) -> bytes:
        """This will read the body once, within the limit."""
        if not hasattr(self, "_body"):
            self._body = await body_of(self, self.limit)
        return self._body

    async def json(self) -> Any:
        """This will read the body as strict JSON, once."""
        if not hasattr(self, "_json"):
            self._json = strict_json.parse(await self.body(), limit=self.limit)
        return self._json


def is_json(content_type: str) -> bool:
    """This will say whether a body calls itself JSON, however it is written: `Application/FHIR+JSON; charset=UTF-8`."""
    return content_type.split(";")[0].strip().lower().endswith("json")


class StrictRoute(APIRoute):
    """A route that reads every JSON body strictly; use it as `APIRouter(route_class=StrictRoute)`."""

    limit = BODY_LIMIT

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """This will hand the strict request to the route."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            strict.limit = self.limit
            # Read here: what goes wrong while FastAPI reads is answered without a place and a remedy.
            await strict.body()
            if self.body_field and is_json(request.headers.get("content-type", "")):
                await strict.json()
            return await handle(strict)

        return strictly


def add_routes(to: FastAPI | APIRouter, *routers: APIRouter) -> None:
    """This will add routes as they are: `include_router` would make each once more when the first request comes."""
    for each in routers:
        to.routes.extend(each.routes)


def answer_problems(http: FastAPI) -> None:
    """This will make an app answer every refusal as a problem, never with a trace or the offending value."""

    @http.exception_handler(Problem)
    async def _problem(_: Request, wrong: Problem) -> Response:
        errors = [{"where": wrong.where, "remedy": wrong.remedy}] if wrong.where or wrong.remedy else None
        return problem(wrong.status, wrong.title, errors=errors, retry_after=wrong.retry_after)

    @http.exception_handler(strict_json.Malformed)
    async def _malformed(_: Request, wrong: strict_json.Malformed) -> Response:
        status = 413 if isinstance(wrong, strict_json.TooLarge) else 400
        title = "The body is too large" if status == 413 else "The body is not acceptable JSON"
        return problem(status, title, errors=[{"where": wrong.where, "remedy": wrong.remedy}])

    @http.exception_handler(ClientDisconnect)
    async def _hung_up(_: Request, __: ClientDisconnect) -> Response:
        return problem(400, "The connection ended before the body did")

    @http.exception_handler(RequestValidationError)
    async def _invalid(_: Request, wrong: RequestValidationError) -> Response:
        return problem(422, "The request does not say what this needs", errors=wrongs(wrong.errors()))

    @http.exception_handler(HTTPException)
    async def _refused(_: Request, wrong: HTTPException) -> Response:
        return problem(wrong.status_code, str(wrong.detail))

    @http.exception_handler(SQLAlchemyError)
    @http.exception_handler(OSError)
    async def _away(_: Request, wrong: Exception) -> Response:
        if not is_away(wrong):
            raise wrong
        told = [{"where": "database", "remedy": f"ask again in {AWAY_SECONDS} seconds"}]
        return problem(503, "The database is away", errors=told, retry_after=AWAY_SECONDS)
