"""Brings the notifications service's database to the schema its store declares."""

from services.notifications.store import metadata
from shared import migrations

migrations.run(metadata)
