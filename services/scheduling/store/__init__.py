"""What this service remembers: meetings, seats, coverage, and what insurers were told."""

from services.scheduling.store.tables import metadata

__all__ = ["metadata"]
