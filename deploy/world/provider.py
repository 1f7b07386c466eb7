"""A text-message provider and pager that knows a key again: what the demo's people receive, kept line by line."""

import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web


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


def create(path: Path) -> web.Application:
    """This will make the provider's application."""
    log, http = Log(path), web.Application()

    async def take(request: web.Request) -> web.Response:
        kind, key = request.path.strip("/").removesuffix("s"), request.headers.get("Idempotency-Key", "")
        number, new = log.take(kind, key, await request.json())
        return web.json_response({"id": str(number)}, status=202 if new else 409)

    async def taken(request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        return web.json_response({"taken": log.taken[after:], "repeats": log.repeats})

    async def ready(_: web.Request) -> web.Response:
        return web.json_response({"ready": True})

    http.add_routes([web.post("/texts", take), web.post("/pages", take), web.get("/taken", taken)])
    http.add_routes([web.get("/ready", ready)])
    return http


if __name__ == "__main__":
    web.run_app(create(Path(sys.argv[1])), host=sys.argv[2], port=int(sys.argv[3]), print=None, access_log=None)
