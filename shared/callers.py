"""Who calls: an organisation of the programme, known by its API key or by an access token it was given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from shared import tokens
from shared.clock import real
from shared.edge import Problem
from shared.programme import SUSPENDED, Kind, Organisation, Programme


@dataclass(frozen=True)
class Caller:
    """The organisation that makes a request; `scopes` is what its token is for, None with an API key: everything."""

    organisation: Organisation
    scopes: tuple[str, ...] | None = None

    @property
    def organisation_id(self) -> str:
        """This will give the caller's organisation id."""
        return self.organisation.organisation_id


async def known(request: Request) -> Caller:
    """This will find the caller by `Authorization: Bearer`: 401 for a stranger, 403 for one who is suspended."""
    programme: Programme = request.app.state.programme
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    caller = _holder(programme, key.strip()) if scheme.lower() == "bearer" and key else None
    if caller is None:
        raise Problem(401, "Unknown caller", where="header Authorization", remedy="send Bearer and your API key")
    if caller.organisation.suspended:
        raise Problem(403, "Your organisation may not do this now", where="header Authorization", remedy=SUSPENDED)
    return caller


def _holder(programme: Programme, key: str) -> Caller | None:
    # How long a key or a token may do something is real time, whatever the demo's clock says.
    if not key.startswith(tokens.PREFIX):
        holder = programme.holder_of(key, at=real())
        return Caller(holder) if holder else None
    access = tokens.accept(key, at=real())
    holder = programme.organisations.get(access.organisation) if access else None
    return Caller(holder, access.scopes) if holder and access else None


def of_kind(*kinds: Kind) -> Callable[[Request], Awaitable[Caller]]:
    """This will make a dependency that lets only organisations of these kinds in; 403 for others."""

    async def let_in(request: Request) -> Caller:
        caller = await known(request)
        if caller.organisation.kind not in kinds or caller.scopes is not None:
            raise Problem(403, "Your organisation may not do this", remedy=f"this is for: {', '.join(kinds)}")
        return caller

    return let_in


Agency = Annotated[Caller, Depends(of_kind("agency"))]
"""The caller of a route that is for the programme's own people."""
