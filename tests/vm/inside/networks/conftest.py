"""The lab of the VLAN manager, for all tests of this machine that leave it as it was."""

from collections.abc import Iterator

import pytest
from running_lab import RunningLab


@pytest.fixture(scope="session")
def lab() -> Iterator[RunningLab]:
    with RunningLab(kind="vlan") as running:
        yield running
