"""Sees that a process still owns its share, and ends it when another does."""

import logging
import signal

from shared.database import Database, DatabaseInUse
from shared.mailbox.loop import Loop

logger = logging.getLogger(__name__)


class Claim(Loop):
    """Looks every two seconds, and claims again what a restart of PostgreSQL has forgotten."""

    every = 2.0

    def __init__(self, database: Database, share: str) -> None:
        super().__init__()
        self.database, self.share = database, share

    async def once(self) -> bool:
        """This will do nothing while the claim stands; a process whose share is another's drains and ends."""
        if await self.database.still_claimed():
            return False
        try:
            await self.database.claim(self.share)
            logger.warning("the claim of share %s was lost, and made again", self.share)
        except DatabaseInUse as taken:
            logger.critical("this process ends: %s", taken)
            signal.raise_signal(signal.SIGTERM)
        return False
