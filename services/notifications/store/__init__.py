"""What this service keeps: people and how to reach them, what is planned and sent, what was answered, who was paged."""

from services.notifications.store.tables import metadata

__all__ = ["metadata"]
