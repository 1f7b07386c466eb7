"""The public keys by which organisations' assertions are believed: those registered, and those at their own address."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.referrals.hook import Hooks
from shared.clock import real
from shared.programme import MOST_KEYS, Organisation

logger = logging.getLogger(__name__)
Key = Mapping[str, Any]

FRESH = timedelta(hours=1)
"""So long keys count without being looked at again."""
PAUSE = timedelta(minutes=1)
"""Between two looks, whoever names whichever key: a stranger may do so as often as they like."""
LONGEST = timedelta(days=1)
"""So long they count while their address does not answer."""
WITHIN, LARGEST = 5.0, 65_536
"""Seconds and bytes."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The keys an address gave at a moment, and when it was asked last."""

    keys: tuple[Key, ...] = ()
    given_at: datetime = NEVER
    asked_at: datetime = NEVER

    def at(self, moment: datetime) -> Sequence[Key]:
        """This will give those that still count."""
        return self.keys if moment - self.given_at < LONGEST else ()


class KeySets:
    """Gives the keys of organisations; addresses are asked as endpoints of subscribers are, and nowhere else."""

    def __init__(self, hooks: Callable[[str], Hooks], *, time: Callable[[], datetime] = real) -> None:
        self.hooks, self.time = hooks, time
        self._known: dict[tuple[str, str], Known] = {}
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    async def of(self, organisation: Organisation, kid: str | None) -> list[Key]:
        """This will give an organisation's public keys (JWK); `kid` is the one that is looked for, if it is named."""
        registered: list[Key] = [*organisation.jwks.keys] if organisation.jwks else []
        if organisation.jwks_url is None or organisation.suspended or (kid and not _lacks(registered, kid)):
            return registered
        return [*registered, *await self._at(organisation.organisation_id, organisation.jwks_url, kid)]

    async def _at(self, organisation: str, url: str, kid: str | None) -> Sequence[Key]:
        place, at = (organisation, url), self.time()
        if not self._is_to_be_asked(place, kid, at):
            return self._known[place].at(at)
        async with self._turns.setdefault(place, asyncio.Lock()):
            if self._is_to_be_asked(place, kid, at):
                self._known[place] = await self._asked(organisation, url, self._known.get(place, Known()), at)
        return self._known[place].at(at)

    def _is_to_be_asked(self, place: tuple[str, str], kid: str | None, at: datetime) -> bool:
        known = self._known.get(place, Known())
        return at - known.asked_at >= (PAUSE if _lacks(known.at(at), kid) else FRESH)

    async def _asked(self, organisation: str, url: str, known: Known, at: datetime) -> Known:
        about = f"keys of {organisation}"
        body = await self.hooks(organisation).fetch(url, about=about, within=WITHIN, at_most=LARGEST)
        keys = None if body is None else public_keys(body)
        if body is not None and not keys:
            logger.warning("%s: no JWK Set with public keys of type EC or RSA", about)
        return Known(keys=keys, given_at=at, asked_at=at) if keys else replace(known, asked_at=at)


def _lacks(keys: Sequence[Key], kid: str | None) -> bool:
    return not keys or (kid is not None and all(each.get("kid") != kid for each in keys))


def public_keys(written: bytes) -> tuple[Key, ...]:
    """This will give the public EC and RSA keys of a JWK Set, 20 at most; none where it is no such set."""
    try:
        found = json.loads(written)["keys"]
        ours = [dict(each) for each in found if each.get("kty") in ("EC", "RSA") and "d" not in each]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ()
    return tuple(ours[:MOST_KEYS])
