"""How supporters and offerings reach matching, over HTTP and on the bus."""

import json
from typing import Any
from uuid import UUID, uuid4

from shared.mailbox import Ingested
from tests.matching.desk import Desk

ID = UUID(int=7)


async def put(desk: Desk, body: Any, *, path: str = f"/supporters/{ID}", key: str | None = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with desk.client(key) if key else desk.client() as client:
        answered = await client.put(path, content=raw, headers={"Content-Type": "application/json"})
    await desk.settle()
    return answered


def posted(body: Any, organisation: str = "programme") -> Ingested:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Ingested(organisation, "supporter", raw, "application/json", str(uuid4()))
