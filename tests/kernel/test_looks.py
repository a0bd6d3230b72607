"""A look at what has changed, over the look before, sees what a look at everything sees."""

import json
from pathlib import Path

import pytest
from cloud import FLOATING, boot, create_network, netconsole
from private_host import PrivateHost

PROGRAM = (Path(__file__).parents[1] / "support" / "looks_compared.py").read_text()
TIMES = 16


@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_whatever_happens_both_ways_to_look_agree(host: PrivateHost, seed: str) -> None:
    create_network(host)
    netconsole(host, "floating", "create", "--ip-range", FLOATING)
    for number in (1, 2, 3):
        boot(host, f"web{number}")
    told = host.run("python3", "-c", PROGRAM, seed, str(TIMES)).stdout.splitlines()
    compared = [json.loads(line) for line in told]
    assert [each for each in compared if each["differing"]] == []
    assert len(compared) == TIMES
