from services.scheduling import app, settings
from shared.service import run

run(app.create, settings.Settings)
