"""What processes cost: CPU seconds and memory of a process and of everything it started, as the kernel counts them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024


def family(pid: int) -> list[int]:
    """A process and all its descendants that live now."""
    found = [pid]
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [one for child in _words(each) for one in family(int(child))]
    return found


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_seconds(pid: int, *, alone: bool = False) -> float:
    """The user and system seconds of a family, or of one process `alone`; of those they have buried too."""
    return sum(_ticks(each) for each in ([pid] if alone else family(pid))) / TICKS


def _ticks(pid: int) -> int:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, after_name[11:15]))


def memory(pid: int, *, alone: bool = False) -> dict[str, float]:
    """Memory in MiB of a family, or of one process `alone`.

    `pss` counts shared pages in parts, `uss` only what is nobody else's.
    """
    found = {"pss": 0.0, "uss": 0.0}
    for each in [pid] if alone else family(pid):
        told = dict(re.findall(r"^(\w+): +(\d+) kB$", "\n".join(_lines(each)), re.MULTILINE))
        found["pss"] += int(told.get("Pss", 0)) / 1024
        found["uss"] += (int(told.get("Private_Clean", 0)) + int(told.get("Private_Dirty", 0))) / 1024
    return found


def _lines(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


class Meter:
    """CPU seconds of named processes since it was made."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.pids = dict(pids)
        self._before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}

    def read(self) -> dict[str, float]:
        """What each has used so far."""
        return {name: cpu_seconds(pid) - self._before[name] for name, pid in self.pids.items()}
