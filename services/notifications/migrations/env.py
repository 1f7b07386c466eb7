from services.notifications.store import metadata
from shared import migrations

migrations.run(metadata)
