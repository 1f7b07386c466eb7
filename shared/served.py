"""What a request came to, for routes that are made once for every service."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

if TYPE_CHECKING:
    from shared.service import Service


async def _served(request: Request) -> "Service":
    service: Service = request.app.state.service
    return service


Served = Annotated["Service", Depends(_served)]
