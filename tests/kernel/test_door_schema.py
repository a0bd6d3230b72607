"""The agent answers as its OpenAPI document has it, whatever is asked."""

from pathlib import Path

import pytest
from agent import add_users, start_agent
from cloud import create_network, held
from private_host import PrivateHost

pytestmark = pytest.mark.requires("root")

PROGRAM = (Path(__file__).parents[1] / "support" / "schema_requests.py").read_text()
EXAMPLES = "10"


def test_every_operation_is_as_the_document_has_it(host: PrivateHost) -> None:
    create_network(host)
    add_users(host)
    start_agent(host)
    before = held(host)
    for user in ("looker", "changer"):
        become = ("setpriv", "--reuid", user, "--regid", user, "--init-groups", "env", "HOME=/run")
        done = host.run(*become, "python3", "-c", PROGRAM, EXAMPLES, timeout=360)
        (*wrong, counted) = done.stdout.splitlines()
        assert wrong == []
        assert int(counted.split()[0]) > 50
        assert held(host) == before, "what is generated names nothing that there is"
