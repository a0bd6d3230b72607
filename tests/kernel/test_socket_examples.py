"""The examples of docs/agent.md: each runs as it stands there."""

import json
import re
from pathlib import Path

import pytest
from agent import start_agent
from cloud import create_network
from private_host import PrivateHost

pytestmark = pytest.mark.requires("root")

PAGE = Path(__file__).parents[2] / "docs" / "agent.md"


def test_each_is_answered(host: PrivateHost) -> None:
    examples = re.findall(r"^    (curl .*)$", PAGE.read_text(), re.MULTILINE)
    examples = [line for line in examples if "agent.sock" in line]
    assert len(examples) >= 8
    create_network(host)
    start_agent(host)
    for line in examples:
        told = json.loads(host.run("sh", "-c", line).stdout)
        assert "error" not in told, (line, told)
