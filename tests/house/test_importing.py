"""Importing opens nothing: no file to write, no connection, no process, no thread."""

import json
import os
import subprocess
import sys

from tests.house.tree import ROOT, source_files

WATCHED = """
import importlib, json, os, sys, threading
opened, watching = [], False
def watch(event, details):
    if not watching:
        return
    writes = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    begins = event.startswith(("socket.connect", "socket.bind", "sqlite3.connect", "subprocess.", "os.fork", "os.exec"))
    if writes or begins:
        opened.append(f"{event} {details[0]}")
import fastapi, faststream.nats, sqlalchemy.ext.asyncio, scipy.optimize, babel.dates, phonenumbers, aiohttp, uvicorn
import aiosmtplib, alembic.command, nats, typer, rich.console, rich.live
sys.addaudithook(watch)
watching = True
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({"opened": opened, "threads": threading.active_count()}))
"""


def test_importing_every_module_opens_nothing() -> None:
    modules = [
        ".".join(each.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for each in source_files()
        if each.stem != "env"
    ]

    run = subprocess.run(
        [sys.executable, "-B", "-c", WATCHED, *modules],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"opened": [], "threads": 1}
