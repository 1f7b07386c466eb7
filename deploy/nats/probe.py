"""Tries whether the broker lets an organisation in, as that organisation, and leaves nothing behind."""

from typing import Literal

import nats
import nats.errors
from nats.aio.client import Client

from deploy.nats import plan
from deploy.nats.permissions import inbox
from shared import names

UNKNOWN_KEY = "Authorization Violation"
"""What a broker answers to a key that is not in its configuration."""

Full = Literal["full"]
FULL: Full = "full"

NEVER = b'{"expires": -1}'
"""A request for letters that is over before it begins: the consumer answers that, and hands nothing out."""


AT_MOST = "maximum account active connections exceeded"
"""What it answers to a key that it knows while its organisation uses every connection it may have."""


async def knows(url: str, seed: str, organisation_id: str) -> bool:
    """This will say whether the broker knows a user's seed; an error of NATS or the system when it does not answer."""
    client = await _let_in(url, seed, organisation_id)
    if isinstance(client, Client):
        await client.close()
    return client is not None


async def lets_in(url: str, seed: str, organisation_id: str) -> bool:
    """This will say whether a user's seed is known, and its account tied to the one that keeps the streams."""
    client = await _let_in(url, seed, organisation_id)
    if not isinstance(client, Client):
        # Who uses all connections is tied since long.
        return client is not None
    stream = names.status_stream(organisation_id)
    try:
        await client.request(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{plan.STATUS_READER}", NEVER, timeout=2)
    except (nats.errors.NoRespondersError, nats.errors.TimeoutError, TimeoutError):
        return False
    finally:
        await client.close()
    return True


async def _let_in(url: str, seed: str, organisation_id: str) -> Client | Full | None:
    """This will give a connection, FULL where there is no place for one more, or None for a key that is not known."""
    try:
        return await _connect(url, seed, organisation_id)
    except (nats.errors.Error, OSError, TimeoutError) as wrong:
        if AT_MOST in str(wrong):
            return FULL
        if UNKNOWN_KEY in str(wrong):
            return None
        raise


async def _connect(url: str, seed: str, organisation_id: str) -> Client:
    client: Client = await nats.connect(
        url,
        name="alongside org",
        nkeys_seed_str=seed,
        inbox_prefix=inbox(organisation_id),
        connect_timeout=2,
        max_reconnect_attempts=1,
        allow_reconnect=False,
        error_cb=_say_nothing,
    )
    return client


async def _say_nothing(_: Exception) -> None:
    """What goes wrong is told by what fails."""
