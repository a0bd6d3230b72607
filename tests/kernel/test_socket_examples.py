"""The examples of docs/agent.md: each runs as it stands there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent import start_agent
from cloud import create_cloud
from private_host import PrivateHost

pytestmark = pytest.mark.requires("root")

PAGE = Path(__file__).parents[2] / "docs" / "agent.md"


def documents(text: str) -> Iterator[Any]:
    """Yield each document of JSON: a job is answered by several, as it goes on."""
    while text := text.lstrip():
        document, end = json.JSONDecoder().raw_decode(text)
        yield document
        text = text[end:]


def test_each_is_answered(host: PrivateHost) -> None:
    examples = re.findall(r"^    (curl .*)$", PAGE.read_text(), re.MULTILINE)
    examples = [line for line in examples if "agent.sock" in line]
    assert len(examples) >= 8
    create_cloud(host)
    start_agent(host)
    for line in examples:
        told = list(documents(host.run("sh", "-c", line).stdout))
        assert told, line
        assert not any("error" in each for each in told), (line, told)
