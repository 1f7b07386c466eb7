"""Connects as the broker's administrator, who declares, inspects, and says what time it is."""

from pathlib import Path

import nats
from nats.aio.client import Client

from deploy.nats import plan
from deploy.nats.permissions import inbox


async def connect(url: str, seed: Path, *, patient: bool = False) -> Client:
    """This will connect, or raise within seconds; a `patient` connection comes back whenever the broker does."""
    # Without `allow_reconnect` the client still tries its first connection as often as it is told, pausing between.
    again = {"max_reconnect_attempts": -1} if patient else {"max_reconnect_attempts": 1, "allow_reconnect": False}
    client: Client = await nats.connect(
        url,
        name="alongside administrator",
        nkeys_seed=str(seed),
        inbox_prefix=inbox(plan.ADMIN),
        connect_timeout=5 if patient else 2,
        reconnect_time_wait=0.1,
        error_cb=_say_nothing,
        **again,
    )
    return client


async def _say_nothing(_: Exception) -> None:
    """What goes wrong is told by the request that fails."""
