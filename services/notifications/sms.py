"""Text messages by a provider's HTTP interface: POST JSON with an Idempotency-Key."""

import httpx

from services.notifications.rules.providers import Answer
from services.notifications.rules.words import Message

TIMEOUTS = httpx.Timeout(connect=3, read=5, write=3, pool=3)
NOT_ABOUT_THE_MESSAGE = (401, 403, 429)
"""The provider turned us away, not the recipient: the message is tried again later."""

NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class HttpSms:
    """A provider that takes `{to, from, text, reference}` and answers 2xx with an id; 409 when it knew the key."""

    def __init__(
        self, url: str, *, sender: str, token: str = "", dedups: bool = True, timeouts: httpx.Timeout = TIMEOUTS
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url, self.sender, self.dedups = url, sender, dedups
        self.client = httpx.AsyncClient(timeout=timeouts, headers=headers, follow_redirects=False)

    async def send(self, message: Message, *, to: str, key: str) -> Answer:
        """This will give a text to the provider; a time-out or a 5xx leaves it unknown whether the text went out."""
        body = {"to": to, "from": self.sender, "text": message.text, "reference": key}
        try:
            said = await self.client.post(self.url, json=body, headers={"Idempotency-Key": key})
        except NEVER_ARRIVED:
            return Answer("unreachable")
        except httpx.HTTPError:
            return Answer("unknown")
        return _understood(said)


def _understood(said: httpx.Response) -> Answer:
    if said.is_success or said.status_code == 409:
        return Answer("accepted", _id_in(said))
    if said.status_code in NOT_ABOUT_THE_MESSAGE or said.is_redirect:
        return Answer("unreachable")
    return Answer("refused" if said.is_client_error and said.status_code != 408 else "unknown")


def _id_in(said: httpx.Response) -> str | None:
    try:
        found = said.json()
    except ValueError:
        return None
    identity = found.get("id") if isinstance(found, dict) else None
    return str(identity)[:200] if identity is not None else None
