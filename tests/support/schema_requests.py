"""Runs on a private host as some user: requests made of the agent's OpenAPI document.

`python3 -c PROGRAM EXAMPLES` makes so many of each operation, half of them not as the document has
it, and prints what was not answered as it has it.
"""

import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

SOCKET = "/run/netconsole/agent.sock"
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
)
ENDLESS = "/v1/watch"


def copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass
    for each in (source, sink):
        each.close()


def relay(listener: socket.socket) -> None:
    """Lead each connection at a port of loopback to the agent, as this user."""
    while True:
        came, _ = listener.accept()
        agent = socket.socket(socket.AF_UNIX)
        agent.connect(SOCKET)
        for pair in ((came, agent), (agent, came)):
            threading.Thread(target=copy, args=pair, daemon=True).start()


def tried(operation: Any, mode: GenerationMode, url: str, examples: int) -> Callable[[], None]:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        answer = case.call(base_url=url, headers={"Connection": "close"})
        case.validate_response(answer, checks=CHECKS)

    return ask


def main() -> None:
    examples = int(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=relay, args=(listener,), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    document = requests.get(f"{url}/v1/openapi.json", timeout=30).json()
    count = 0
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        if not isinstance(found, Ok):
            raise TypeError(f"the document is wrong: {found.err()}")
        operation = found.ok()
        if operation.path == ENDLESS:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                tried(operation, mode, url, examples)()
            except Unsatisfiable:
                continue  # of what takes no arguments, none can be wrong
            except Exception as error:  # noqa: BLE001  each is told
                print(operation.label, mode, str(error)[:3000])
            count += 1
    print(f"{count} tried")


if __name__ == "__main__":
    main()
