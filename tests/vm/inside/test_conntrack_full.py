"""The table of connections, filled with real ones: named, enlarged, and as small as before."""

from first_namespace import PYTHON, first_namespace, program, settings
from lab_faults import examined, to_the_cure_and_back
from private_host import PrivateHost, eventually

COUNT = 200
LISTEN = """
import socket
listening = socket.create_server(("203.0.113.1", 8080), backlog=500)
held = []
print("listening", flush=True)
while True:
    held.append(listening.accept())
"""
CONNECT = f"""
import signal, socket
held = [socket.create_connection(("203.0.113.1", 8080)) for _ in range({COUNT})]
print("connected", flush=True)
signal.pause()
"""
ONE_MORE = """
import socket
socket.create_connection(("203.0.113.1", 8080), timeout=4)
"""


def one_more(host: PrivateHost) -> bool:
    """Whether another connection can be made."""
    return host.run(*PYTHON, ONE_MORE, check=False).returncode == 0


def test_from_full_to_twice_the_room_and_back() -> None:
    with first_namespace() as host:
        host.run("conntrack", "--flush")
        listen = ("ip", "netns", "exec", "outside", *PYTHON, LISTEN)
        with (
            program(host, *listen, says="listening"),
            program(host, *PYTHON, CONNECT, says="connected"),
        ):
            assert one_more(host)
            with settings(host, {"net.netfilter.nf_conntrack_max": COUNT}):
                eventually(lambda: not one_more(host), seconds=60)
                finding = to_the_cure_and_back(host, "conntrack_full")
                assert f"of {COUNT} connections are tracked" in finding["because"]
                assert "203.0.113.2 began more than half of them" in finding["remedy"]
            assert one_more(host)
        assert examined(host).findings["conntrack_full"]["verdict"] == "info"
