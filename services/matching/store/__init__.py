"""What matching remembers: supporters, offerings, who waits, who was asked, and why."""

from services.matching.store.tables import metadata

__all__ = ["metadata"]
