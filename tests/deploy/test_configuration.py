"""The broker's configuration as files: written again, nothing is lost and nothing half."""

import json
from pathlib import Path

import pytest

from deploy.nats import configuration, keys
from tests.deploy.ground import ORGANISATIONS, Organisation


def test_keeps_every_key_when_it_is_written_again(tmp_path: Path):
    first = configuration.write(tmp_path, ORGANISATIONS)
    before = {name: path.read_bytes() for name, path in first.seeds.items()}
    text = first.path.read_text()

    again = configuration.write(tmp_path, ORGANISATIONS)

    assert {name: path.read_bytes() for name, path in again.seeds.items()} == before
    assert again.path.read_text() == text
    assert len(set(before.values())) == len(before) == 9


def test_keys_are_for_their_owner_only(tmp_path: Path):
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "admin.nk").touch(0o644)
    (tmp_path / "keys" / "admin.nk").write_bytes(keys.kept(tmp_path / "other", "x").read_bytes())

    written = configuration.write(tmp_path, ORGANISATIONS)

    assert {path.stat().st_mode & 0o777 for path in written.seeds.values()} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_leaves_no_draft_and_no_secret_in_the_configuration(tmp_path: Path):
    written = configuration.write(tmp_path, ORGANISATIONS)

    assert not list(tmp_path.rglob(".*"))
    assert not [each for each in written.seeds.values() if each.read_text() in written.path.read_text()]


def test_gives_everybody_an_account_and_only_the_platform_a_jetstream(tmp_path: Path):
    accounts = json.loads(configuration.write(tmp_path, ORGANISATIONS).path.read_text())["accounts"]

    assert [name for name, each in accounts.items() if "jetstream" in each] == ["PLATFORM"]
    assert len(accounts) == 2 + 4 + len(ORGANISATIONS)
    assert {len(each["users"]) for name, each in accounts.items() if name != "SYS"} == {1}


def test_the_monitoring_port_stays_on_loopback_whatever_the_host(tmp_path: Path):
    written = configuration.write(tmp_path, ORGANISATIONS, host="0.0.0.0", port=4222, monitor_port=8222)

    server = json.loads(written.path.read_text())
    assert (server["listen"], server["http"]) == ("0.0.0.0:4222", "127.0.0.1:8222")


@pytest.mark.parametrize(
    ("organisations", "complaint"),
    [
        ([Organisation("a.b", "hospital")], "inner hyphens"),
        ([Organisation("a*", "hospital")], "inner hyphens"),
        ([Organisation("", "hospital")], "inner hyphens"),
        ([Organisation("Hospital", "hospital")], "inner hyphens"),
        ([Organisation("matching", "hospital")], "a service's name"),
        ([Organisation("admin", "hospital")], "a service's name"),
        ([Organisation("twice", "clinic"), Organisation("twice", "payer")], "used twice"),
        ([Organisation("shop", "shop")], "kind is one of"),
    ],
)
def test_refuses_an_organisation_the_broker_cannot_carry(
    tmp_path: Path, organisations: list[Organisation], complaint: str
):
    with pytest.raises(ValueError, match=complaint):
        configuration.write(tmp_path, organisations)

    assert not list(tmp_path.iterdir())
