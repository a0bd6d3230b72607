"""A look at what has changed, over the look before, sees what a look at everything sees."""

import json
from pathlib import Path

import looks_compared
import pytest
from cloud import FLOATING, boot, create_network, netconsole
from private_host import PrivateHost

TIMES = 16
PROGRAM = f"""
import sys
sys.path.insert(0, {str(Path(looks_compared.__file__).parent)!r})
import looks_compared
looks_compared.main(sys.argv[1], {TIMES})
"""


@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_whatever_happens_both_ways_to_look_agree(host: PrivateHost, seed: str) -> None:
    create_network(host)
    netconsole(host, "floating", "create", "--ip-range", FLOATING)
    for number in (1, 2, 3):
        boot(host, f"web{number}")
    told = host.run("python3", "-c", PROGRAM, seed).stdout.splitlines()
    compared = [json.loads(line) for line in told]
    assert [each for each in compared if each["differing"]] == []
    assert len(compared) == TIMES
