"""The supervisor, with real children: a small web server, a stubborn sleeper, and the broker itself."""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path

import pytest

from deploy import ports
from deploy.supervisor import Child, StartError, Supervisor

ANSWERS = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]))"
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
NOTES_ITS_END = """
import signal, sys, time
def end(*_):
    open(sys.argv[1], "a").write(sys.argv[2] + " ")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("listening", flush=True)
time.sleep(60)
"""


def python(name: str, code: str, *arguments: object, log: Path, ready: str | None = None, port: int = 0) -> Child:
    argv = [sys.executable, "-c", code, *map(str, arguments)]
    return Child(name=name, argv=argv, log=log, ready=ready, ports=[port] if port else [])


def web(name: str, *, tmp_path: Path) -> Child:
    port = ports.free()
    ready = f"http://127.0.0.1:{port}/"
    return python(name, ANSWERS, port, log=tmp_path / f"{name}.log", ready=ready, port=port)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(true, *, within: float = 5.0) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_returns_when_every_child_is_ready_and_notes_their_process_ids(tmp_path):
    first, second = web("first", tmp_path=tmp_path), web("second", tmp_path=tmp_path)

    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(first, second)

        noted = json.loads((tmp_path / "processes.json").read_text())
        assert noted == {"first": supervisor.pid("first"), "second": supervisor.pid("second")}
        assert all(ports.is_taken(each.ports[0]) for each in (first, second))


async def test_starts_a_killed_child_again_on_the_same_port(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(web("beside", tmp_path=tmp_path))
        before = supervisor.pid("beside")

        os.kill(before, signal.SIGKILL)
        await until(lambda: supervisor.pid("beside") != before)
        await supervisor.ready("beside", within=5)

        assert supervisor.deaths("beside") == 1
        assert json.loads((tmp_path / "processes.json").read_text()) == {"beside": supervisor.pid("beside")}


async def test_starts_a_child_again_though_its_folder_could_not_be_written_meanwhile(tmp_path):
    child = web("child", tmp_path=tmp_path / "logs")

    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(child)
        for _ in range(2):
            first = supervisor.pid("child")
            (tmp_path / "processes.draft").mkdir(exist_ok=True)
            os.kill(first, signal.SIGKILL)
            await until(lambda before=first: supervisor.pid("child") != before)
            await supervisor.ready("child")


async def test_names_a_taken_port_before_anything_starts(tmp_path):
    free, wanted = web("free", tmp_path=tmp_path), web("wanted", tmp_path=tmp_path)
    with closing(socket.create_server(("127.0.0.1", wanted.ports[0]))):
        async with Supervisor(tmp_path) as supervisor:
            with pytest.raises(StartError, match=rf"already listens on {wanted.ports[0]} \(for wanted\)"):
                await supervisor.start(free, wanted)

    assert not free.log.exists()


async def test_gives_up_with_the_last_words_of_a_child_that_keeps_dying(tmp_path):
    broken = python(
        "broken", "import sys; sys.exit('no such setting')", log=tmp_path / "log", ready="http://127.0.0.1:9/"
    )

    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(StartError, match=r"ended 3 times.*\n(.*\n)*.*no such setting"):
            await supervisor.start(broken)


async def test_the_last_words_are_those_of_this_run_and_not_the_harmless_ones(tmp_path):
    log = tmp_path / "log"
    log.write_text("2026-01-05 13:00:00,1 ERROR it: of an earlier run\n")
    lines = "2026-01-05 13:00:00,1 WARNING it: no such host", "2026-01-05 13:00:01,1 INFO it: waiting"
    says = f"print(*{lines}, sep=chr(10), flush=True)"
    waiting = python("waiting", f"{says}; import time; time.sleep(60)", log=log, ready="http://127.0.0.1:9/")

    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(StartError) as told:
            await supervisor.start(waiting, within=1)

    assert str(told.value).splitlines()[1:] == ["  2026-01-05 13:00:00,1 WARNING it: no such host"]


async def test_drains_the_latest_started_first(tmp_path):
    notes = tmp_path / "notes"
    ground, house = (python(name, NOTES_ITS_END, notes, name, log=tmp_path / name) for name in ("ground", "house"))

    async with Supervisor(tmp_path) as supervisor:
        for each in (ground, house):
            await supervisor.start(each)
            await until(lambda log=each.log: "listening" in log.read_text())

    assert notes.read_text() == "house ground "
    assert json.loads((tmp_path / "processes.json").read_text()) == {}


async def test_kills_a_child_that_does_not_end_in_time(tmp_path):
    supervisor = Supervisor(tmp_path)
    await supervisor.start(python("deaf", IGNORES_SIGTERM, log=tmp_path / "deaf"))
    await until(lambda: "deaf" in (tmp_path / "deaf").read_text())
    pid = supervisor.pid("deaf")

    await supervisor.drain(within=0.2)

    assert not is_alive(pid)


async def test_does_not_start_a_child_again_while_draining(tmp_path):
    supervisor = Supervisor(tmp_path)
    await supervisor.start(python("sleeper", "import time; time.sleep(60)", log=tmp_path / "log"))
    before = supervisor.pid("sleeper")
    os.kill(before, signal.SIGKILL)
    await until(lambda: supervisor.deaths("sleeper") == 1)

    await supervisor.drain(within=2)

    assert json.loads((tmp_path / "processes.json").read_text()) == {}
    assert not is_alive(before)


async def test_children_end_with_a_killed_supervisor(tmp_path):
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISES, str(tmp_path))
    noted = tmp_path / "processes.json"
    await until(lambda: noted.exists() and "child" in noted.read_text())
    child = json.loads(noted.read_text())["child"]
    assert is_alive(child)

    parent.kill()
    await parent.wait()

    await until(lambda: not is_alive(child))


async def test_a_told_supervisor_ends_its_children(tmp_path):
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISES, str(tmp_path))
    noted = tmp_path / "processes.json"
    await until(lambda: noted.exists() and "child" in noted.read_text())
    child = json.loads(noted.read_text())["child"]

    parent.terminate()

    assert await asyncio.wait_for(parent.wait(), 5) == 0
    assert not is_alive(child)


SUPERVISES = """
import asyncio, sys, uvloop
from pathlib import Path
from deploy.supervisor import Child, Supervisor

async def main(folder):
    async with Supervisor(folder) as supervisor:
        argv = [sys.executable, "-c", "import time; time.sleep(60)"]
        stop = asyncio.create_task(supervisor.until_told_to_stop())
        await asyncio.sleep(0)
        await supervisor.start(Child(name="child", argv=argv, log=folder / "log"))
        await stop

uvloop.run(main(Path(sys.argv[1])))
"""
