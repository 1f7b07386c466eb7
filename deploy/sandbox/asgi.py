"""One request to a service that listens nowhere."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI


async def post(service: FastAPI, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """This will post to a service as a server would hand it the request, and give the status and the answer."""
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(dict(message))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
    }
    await service(scope, receive, send)
    return told[0]["status"], b"".join(each.get("body", b"") for each in told[1:])
