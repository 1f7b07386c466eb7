"""Closes connections on which nobody asks anything: a request begun and never ended would hold one for ever."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class Prompt(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
    """A connection on which the next request's head must be whole within `patience` seconds."""

    patience = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """This will begin to wait for a request."""
        super().connection_made(transport)
        self._look(None)

    def _look(self, seen: Any) -> None:
        """This will close a connection on which nothing was asked since somebody looked; answers take their time."""
        if self.transport.is_closing():
            return
        waits = self.cycle is None or self.cycle.response_complete
        if waits and seen is not None and seen == (self.cycle,):
            self.transport.close()
            return
        self.loop.call_later(self.patience, self._look, (self.cycle,) if waits else None)
