"""A demo clears only what a demo left, and never beneath one that is live."""

import asyncio
import socket
from pathlib import Path

import pytest
from rich.console import Console

from deploy import demo, ports
from deploy.supervisor import StartError
from deploy.up import Plan


def test_refuses_to_clear_a_folder_that_no_demo_made(tmp_path: Path) -> None:
    (tmp_path / "books").write_text("somebody's")

    with pytest.raises(ValueError, match="was not made by a demo"):
        demo.begin_afresh(tmp_path)

    assert (tmp_path / "books").exists()


def test_clears_nothing_while_another_demo_may_be_live(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    demo.begin_afresh(tmp_path / "demo")
    (tmp_path / "demo" / "store").write_text("live")

    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        other.listen()
        plan = Plan(tmp_path / "demo", other.getsockname()[1] - 3, clock="stepped")
        with pytest.raises(StartError, match="Another program already listens"):
            asyncio.run(demo.run(plan, demo.Wanted(1, 1, stay=False), Console(quiet=True)))

    assert (tmp_path / "demo" / "store").read_text() == "live"
