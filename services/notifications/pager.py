"""Pages whose turn it is at a site: a POST with ids only, never anything about a person."""

import aiohttp

from services.notifications.rules.providers import Answer, rehearsed
from shared.events.notifications import PageOnCall

TIMEOUTS = aiohttp.ClientTimeout(total=None, connect=3, sock_read=5)


class Pager:
    """Posts `{site, referral, step}` to a pager's address; `test:` answers as its ending says."""

    async def send(self, page: PageOnCall, *, to: str) -> Answer:
        """This will page once; anything but a 2xx has not reached anybody."""
        if to.startswith("test:"):
            return Answer("accepted" if rehearsed(to) in ("delivered", "slow", "duplicate") else "unreachable")
        referral = str(page.referral_id) if page.referral_id else None
        body = {"site": page.site_id, "referral": referral, "step": page.step}
        headers = {"Idempotency-Key": str(page.page_id)}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUTS, trust_env=True) as http,
                http.post(to, json=body, headers=headers, allow_redirects=False) as said,
            ):
                return Answer("accepted" if 200 <= said.status < 300 else "unreachable")
        except (aiohttp.ClientError, ValueError):
            return Answer("unreachable")
