"""Watches a service from within: Python imports this first where its folder is on the path.

While a file `on` lies in the folder that `BENCH_WATCH` names, it counts SQL statements and transactions and samples
where the CPU goes; when the file is taken away it writes both down. Each thread's stack is given the CPU time that the
kernel counted for that thread since the last look, so that waiting weighs nothing.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

EVERY = 0.005
SWITCH = 0.00002
"""Seconds between looks, and after which a thread gives way to the one that looks."""


class Watch:
    """What one process did while it was watched."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.statements: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.transactions: Counter[str] = Counter()
        self.stacks: Counter[tuple[Any, ...]] = Counter()
        self.clocks: dict[int, float] = {}
        self.on = False

    def listen(self) -> None:
        """Hear of every statement and commit."""
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "before_cursor_execute", self._statement)
        for each in ("begin", "commit", "rollback"):
            event.listen(Engine, each, lambda _, each=each: self.transactions.update([each] if self.on else []))

    def _statement(self, _: Any, __: Any, text: str, parameters: Any, ___: Any, many: bool) -> None:
        if self.on:
            short = " ".join(text.split())[:240]
            self.statements[short] += 1
            self.rows[short] += len(parameters) if many else 1

    def run(self) -> None:
        """Look for ever, in a thread of its own."""
        sys.setswitchinterval(SWITCH)
        flag = self.folder / "on"
        while True:
            if flag.exists():
                self.on = True
                for _ in range(25):
                    self._look()
                    time.sleep(EVERY)
            elif self.on:
                self.on = False
                self._write()
            else:
                time.sleep(0.05)

    def _look(self) -> None:
        own = threading.get_ident()
        for thread, frame in sys._current_frames().items():
            if thread == own:
                continue
            used = time.clock_gettime(time.pthread_getcpuclockid(thread))
            before = self.clocks.get(thread)
            self.clocks[thread] = used
            if before is not None and used > before:
                self.stacks[_stack(frame)] += round((used - before) * 1e6)

    def _write(self) -> None:
        told = {"statements": self.statements, "rows": self.rows, "transactions": self.transactions}
        (self.folder / f"{self.name}.json").write_text(json.dumps(told))
        lines = [f"{';'.join(map(_told, stack))} {count}" for stack, count in self.stacks.items()]
        (self.folder / f"{self.name}.txt").write_text("\n".join(lines))
        for each in (self.statements, self.rows, self.transactions, self.stacks):
            each.clear()
        self.clocks.clear()


def _stack(frame: FrameType | None) -> tuple[Any, ...]:
    found = []
    while frame is not None:
        found.append(frame.f_code)
        frame = frame.f_back
    return tuple(reversed(found))


def _told(code: Any) -> str:
    return f"{code.co_qualname} ({code.co_filename})"


if os.environ.get("BENCH_WATCH") and sys.orig_argv[-1].startswith("services."):
    watch = Watch(Path(os.environ["BENCH_WATCH"]), sys.orig_argv[-1].rpartition(".")[2])
    watch.listen()
    threading.Thread(target=watch.run, daemon=True, name="watch").start()
