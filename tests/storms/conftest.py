"""What every storm is held against."""

import pytest

from tests import demos


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the demo counts when nobody disturbs it."""
    return demos.quiet_summary(tmp_path_factory.mktemp("quiet"))
