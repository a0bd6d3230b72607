"""A run of all checks reads each facility once, and what an agent knows it does not read again."""

import json
from pathlib import Path

import pytest
from cloud import boot, create_network
from private_host import PrivateHost

PROGRAM = (Path(__file__).parents[1] / "support" / "programs_started.py").read_text()
LATE = ("late", "--fixed-range-v4", "10.9.0.0/24", "--bridge", "br109")
AT_TWO_MOMENTS = "iptables-save --counters"


@pytest.mark.requires("root", "iptables-nft")
def test_each_facility_is_read_once(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    told = json.loads(host.run("python3", "-c", PROGRAM, *LATE).stdout.splitlines()[-1])
    for way in ("alone", "watched"):
        read = {
            program: count
            for program, count in told[way].items()
            if program.split()[0] in ("ip", "bridge", "iptables-save", "ip6tables-save", "ss")
        }
        assert sum("link show" in each for each in read) == 1, read
        assert sum("address show" in each for each in read) == 1, read
        assert read.pop(AT_TWO_MOMENTS) == 2, read
        assert sum(each.startswith("ss ") for each in read) == 1, read
        assert not any(each.startswith("nft list set") for each in told[way]), told[way]
        assert set(read.values()) == {1}, read
    assert "late0" in told["links"]
    assert "late" in told["networks"]
