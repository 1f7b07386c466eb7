from services.matching import app
from services.matching.settings import Settings
from shared.service import run

run(app.create, Settings)
