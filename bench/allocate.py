"""Claim: an address of a /16 is allocated at half the rate of the bare SQL transaction or better.

The bare one is the same UPDATE through sqlite3, on a connection of its own as ours is: nothing
stays open in between, so that a database may be restored under a running console, and what is
committed is on the disk. Then eight processes allocate at once: no address is given twice.
"""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from enclosed import reader
from netaddr import IPNetwork

from netconsole.backend.model.records import Network
from netconsole.backend.store import Store, allocations, fixed_ips, networks

CIDR = IPNetwork("10.0.0.0/16")
ROUNDS = 5
A_ROUND = 50
PROCESSES = 8
EACH = 100
BARE = """
UPDATE fixed_ips SET allocated = 1, instance_uuid = ?, updated_at = ?, allocated_at = ?
WHERE id = (SELECT id FROM fixed_ips WHERE network_id = ? AND reserved IS 0 AND leased IS 0
  AND instance_uuid IS NULL AND host IS NULL ORDER BY updated_at, id LIMIT 1)
RETURNING *
"""


def new_store(path: Path) -> tuple[Store, Network]:
    """A store with one network and a row for each of its addresses."""
    store = Store(f"sqlite:///{path}")
    network = Network(
        id=0,
        uuid="00000000-0000-4000-8000-000000000000",
        label="vmnet",
        cidr=str(CIDR),
        netmask=str(CIDR.netmask),
        broadcast=str(CIDR.broadcast),
        gateway="10.0.0.1",
        dhcp_server="10.0.0.1",
        dhcp_start="10.0.0.2",
        bridge="br100",
    )
    with store.transaction() as connection:
        made = networks.insert(connection, network)
        fixed_ips.insert_many(connection, made.id, ((str(one), False) for one in CIDR))
    return store, made


def allocate(store: Store, network: Network) -> str:
    """Give an address to an instance, in a transaction of its own."""
    with store.transaction() as connection:
        return allocations.allocate(connection, network, "instance", None).address


def bare(path: Path, network: Network) -> None:
    """Allocate an address with nothing but SQL."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = NORMAL")
    moment = datetime.now(UTC).isoformat(" ")[:26]
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(BARE, ("instance", moment, moment, network.id)).fetchone()
    connection.execute("COMMIT")
    connection.close()


def rate(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(A_ROUND):
        action()
    return A_ROUND / (time.perf_counter() - start)


def rates(directory: Path) -> tuple[float, float]:
    """The median rates of ours and of the bare transaction, taken in turns on files alike."""
    store, network = new_store(directory / "ours.sqlite")
    path = directory / "bare.sqlite"
    new_store(path)
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        ours.append(rate(lambda: allocate(store, network)))
        theirs.append(rate(lambda: bare(path, network)))
    return statistics.median(ours[1:]), statistics.median(theirs[1:])


def allocate_many(path: str, network: Network) -> list[str]:
    """What one of the processes does."""
    store = Store(f"sqlite:///{path}")
    return [allocate(store, network) for _ in range(EACH)]


def at_once(directory: Path) -> float:
    """Allocate with all processes; return the seconds. Fails where an address is given twice."""
    path = directory / "shared.sqlite"
    _, network = new_store(path)
    with get_context("spawn").Pool(PROCESSES) as pool:
        start = time.perf_counter()
        found = pool.starmap(allocate_many, [(str(path), network)] * PROCESSES, chunksize=1)
        taken = time.perf_counter() - start
    addresses = [address for some in found for address in some]
    assert len(set(addresses)) == len(addresses) == PROCESSES * EACH, "an address was given twice"
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="netconsole-bench-") as directory:
        ours, theirs = rates(Path(directory))
        print(f"{ours:.0f} addresses a second, {ours / theirs:.2f} times the rate of")
        print(f"the bare SQL transaction, {theirs:.0f}; at least 0.5 is claimed")
        taken = at_once(Path(directory))
        print(f"{PROCESSES} processes at once: {PROCESSES * EACH} addresses, none given twice,")
        print(f"{PROCESSES * EACH / taken:.0f} a second together")


if __name__ == "__main__":
    reader().parse_args()
    main()
