"""Where something was measured: the machine, its versions, and the commit."""

import os
import platform
import subprocess
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from deploy.nats.server import binary

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("nats-py", "faststream", "sqlalchemy", "asyncpg", "aiosqlite", "pydantic", "uvloop", "dbos", "celery")


def note() -> dict[str, Any]:
    """What somebody has to know who compares figures."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "processor": _processor(),
        "kernel": platform.release(),
        "load_average": [round(each, 2) for each in os.getloadavg()],
        "fsync_ms": round(_fsync_ms(), 2),
        "python": platform.python_version(),
        "nats_server": _says(binary(), "--version").rpartition("v")[2],
        "packages": {each: found for each in PACKAGES if (found := _version(each))},
        "commit": _says("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"),
        "changed_files": len(_says("git", "-C", str(ROOT), "status", "--porcelain", "-uno").splitlines()),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((each.partition(":")[2].strip() for each in lines if each.startswith("model name")), "")


def _fsync_ms() -> float:
    """How long the disk under the stores takes to keep 4 KiB, as a median of a hundred."""
    took = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(100):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return 1000 * sorted(took)[50]


def _says(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except OSError:
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
