"""Pages the on-call person of a site: a POST with ids only, never anything about a person."""

import httpx

from services.notifications.rules.providers import Answer, rehearsed
from shared.events.notifications import PageOnCall

TIMEOUTS = httpx.Timeout(connect=3, read=5, write=3, pool=3)


class Pager:
    """Posts `{site, referral}` to a pager's address; `test:` answers as its ending says."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=TIMEOUTS, follow_redirects=False)

    async def send(self, page: PageOnCall, *, to: str) -> Answer:
        """This will page once; anything but a 2xx has not reached anybody."""
        if to.startswith("test:"):
            return Answer("accepted" if rehearsed(to) in ("delivered", "slow", "duplicate") else "unreachable")
        body = {"site": page.site_id, "referral": str(page.referral_id) if page.referral_id else None}
        try:
            said = await self.client.post(to, json=body, headers={"Idempotency-Key": str(page.page_id)})
        except (httpx.HTTPError, httpx.InvalidURL):
            return Answer("unreachable")
        return Answer("accepted" if said.is_success else "unreachable")
