"""The data folder of a deployment: made complete once, and only looked at afterwards."""

from pathlib import Path

import pytest

from deploy.premises import AGENCY, equip, known, service_urls
from shared import names


def test_looking_at_a_folder_leaves_the_configuration_of_its_running_broker_alone(tmp_path: Path) -> None:
    equipped = equip(tmp_path, nats_host="0.0.0.0", nats_port=4222)
    before = equipped.broker.path.read_bytes()

    found = known(tmp_path)

    assert found == equipped
    assert found.broker.path.read_bytes() == before
    assert found.admin_seed.exists() and found.api_key(AGENCY)


def test_how_many_processes_work_a_store_is_said_once_and_kept(tmp_path: Path) -> None:
    equip(tmp_path, shares=2)

    assert equip(tmp_path).shares == known(tmp_path).shares == 2
    assert "scheduling-on-matching-1of2" in known(tmp_path).broker.path.read_text()
    assert equip(tmp_path, shares=1).shares == known(tmp_path).shares == 1


def test_a_folder_that_nobody_equipped_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="alongside prepare"):
        known(tmp_path / "nothing")

    assert list(tmp_path.iterdir()) == []


def test_every_service_answers_on_the_port_it_listens_on_when_told_none() -> None:
    urls = service_urls("http://{service}:{port}")

    assert urls == {name: f"http://{name}:{names.port(name)}" for name in names.SERVICES}
    assert [names.port(each, 9000) for each in names.SERVICES] == [9001, 9002, 9003, 9004]
