"""A service that really runs, for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.outside.running import Running, running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The referrals service with its broker, at the hospital's service."""
    with running(tmp_path_factory.mktemp("running")) as there:
        yield there
