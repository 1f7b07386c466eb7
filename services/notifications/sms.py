"""Text messages by a provider's HTTP interface: POST JSON with an Idempotency-Key."""

import json

import aiohttp

from services.notifications.rules.providers import Answer
from services.notifications.rules.words import Message

TIMEOUTS = aiohttp.ClientTimeout(total=None, connect=3, sock_read=5)
NOT_ABOUT_THE_MESSAGE = (401, 403, 429)
"""The provider turned us away, not the recipient: the message is tried again later."""

NEVER_ARRIVED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)
"""No connection came about, so that nothing was written."""


class HttpSms:
    """A provider that takes `{to, from, text, reference}` and answers 2xx with an id; 409 when it knew the key."""

    def __init__(
        self, url: str, *, sender: str, token: str = "", dedups: bool = True, timeouts: aiohttp.ClientTimeout = TIMEOUTS
    ) -> None:
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url, self.sender, self.dedups, self.timeouts = url, sender, dedups, timeouts

    async def send(self, message: Message, *, to: str, key: str) -> Answer:
        """This will give a text to the provider; a time-out or a 5xx leaves it unknown whether the text went out."""
        body = {"to": to, "from": self.sender, "text": message.text, "reference": key}
        try:
            return _understood(*await self._post(body, key))
        except NEVER_ARRIVED:
            return Answer("unreachable")
        except (aiohttp.ClientError, TimeoutError):
            return Answer("unknown")

    async def _post(self, body: dict[str, str], key: str) -> tuple[int, bytes]:
        """This will post once, and give the status and the body of the answer."""
        headers = {**self.headers, "Idempotency-Key": key}
        # Each message has its own connection: on one kept from earlier, which the provider may just have closed, a
        # message that never left could not be told from one that did.
        async with (
            aiohttp.ClientSession(timeout=self.timeouts, trust_env=True) as http,
            http.post(self.url, json=body, headers=headers, allow_redirects=False) as said,
        ):
            return said.status, await said.read()


def _understood(status: int, body: bytes) -> Answer:
    if 200 <= status < 300 or status == 409:
        return Answer("accepted", _id_in(body))
    if 300 <= status < 400 or status in NOT_ABOUT_THE_MESSAGE:
        return Answer("unreachable")
    return Answer("refused" if 400 <= status < 500 and status != 408 else "unknown")


def _id_in(body: bytes) -> str | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    identity = found.get("id") if isinstance(found, dict) else None
    return str(identity)[:200] if identity is not None else None
