"""A text-message provider and pager that knows a key again: what the demo's people receive, kept line by line."""

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse


class Log:
    """Everything taken, in a file that survives the provider: one JSON line a message, each key once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[dict[str, Any]] = []
        self.keys: dict[str, int] = {}
        self.repeats = 0
        if path.exists():
            for line in path.read_text().splitlines():
                self._know(json.loads(line))

    def take(self, kind: str, key: str, body: dict[str, Any]) -> tuple[int, bool]:
        """This will keep a message, and say its number and whether it was new."""
        if key in self.keys:
            self.repeats += 1
            return self.keys[key], False
        message = {"kind": kind, "key": key, **body}
        with self.path.open("a") as file:
            file.write(json.dumps(message) + "\n")
        return self._know(message), True

    def _know(self, message: dict[str, Any]) -> int:
        self.taken.append(message)
        self.keys[message["key"]] = len(self.taken)
        return len(self.taken)


def create(path: Path) -> FastAPI:
    """This will make the provider's application."""
    log, http = Log(path), FastAPI()

    async def take(kind: str, request: Request) -> JSONResponse:
        key = request.headers.get("idempotency-key", "")
        number, new = log.take(kind, key, await request.json())
        return JSONResponse({"id": str(number)}, 202 if new else 409)

    @http.post("/texts")
    async def texts(request: Request) -> JSONResponse:
        return await take("text", request)

    @http.post("/pages")
    async def pages(request: Request) -> JSONResponse:
        return await take("page", request)

    @http.get("/taken")
    async def taken(after: int = 0) -> dict[str, Any]:
        return {"taken": log.taken[after:], "repeats": log.repeats}

    @http.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    return http


if __name__ == "__main__":
    uvicorn.run(create(Path(sys.argv[1])), host=sys.argv[2], port=int(sys.argv[3]), log_level="warning")
