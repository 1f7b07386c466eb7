from services.notifications import app
from services.notifications.settings import Settings
from shared.service import run

run(app.create, Settings)
