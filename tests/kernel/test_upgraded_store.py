"""A store from before security groups and guards: its guests stay reachable, and that is told."""

import json

from cloud import FLOATING, boot, create_cloud, netconsole, reaches
from private_host import PrivateHost
from talk import Connection, connected, serve

BEFORE = """
import os, sqlite3
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from netconsole.backend.configuration.loading import load

path = load().connection.removeprefix("sqlite:///")
now = path + ".now"
with sqlite3.connect(path) as store:
    store.execute("VACUUM INTO ?", (now,))
store.close()
for end in ("", "-wal", "-shm"):
    if os.path.exists(path + end):
        os.unlink(path + end)
config = Config()
config.set_main_option("script_location", "netconsole.backend.store:migrations")
engine = sa.create_engine("sqlite:///" + path)
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "0010")
engine.dispose()
store = sqlite3.connect(path, isolation_level=None)
store.execute("ATTACH ? AS now", (now,))
tables = [name for (name,) in store.execute("SELECT name FROM main.sqlite_master "
    "WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name != 'alembic_version'")]
for table in tables:
    columns = ", ".join(row[1] for row in store.execute(f"PRAGMA main.table_info({table})"))
    store.execute(f"DELETE FROM main.{table}")
    store.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}")
store.execute("DETACH now")
store.close()
os.unlink(now)
"""
"""Makes the store one of schema 0010, the last before guards and groups, with what it holds."""


def findings(host: PrivateHost, check: str) -> list[str]:
    said = host.run("netconsole", "doctor", "--only", check, "--json", check=False).stdout
    return [each["verdict"] for each in json.loads(said)["findings"]]


def test_an_upgrade_cuts_nobody_off_and_says_what_is_open(host: PrivateHost) -> None:
    create_cloud(host)
    serve(host, "web1", 22, 4444)
    host.run("python3", "-c", BEFORE)
    host.run("iptables", "-F", "nova-network-local")
    host.run("nft", "delete", "table", "netdev", "netconsole")
    assert reaches(host)
    flow = Connection(host, "outside", FLOATING, 22)

    netconsole(host, "apply")
    assert flow.answers(), "a connection of before goes on"
    assert reaches(host)
    assert connected(host, "outside", f"{FLOATING}/4444") == {f"{FLOATING}/4444"}
    assert "inst-1" in host.run("iptables", "-S", "nova-network-local").stdout
    assert "open: security group default of demo lets everything in" in netconsole(host, "status")
    assert findings(host, "open_groups") == ["warn"]
    assert findings(host, "guards") == ["ok"]
    assert host.run("netconsole", "plan", check=False).stdout == ""

    later = boot(host, "web2", "later", is_open=False)
    serve(host, "web2", 22)
    place = f"{later}/22"
    host.outside("ip", "route", "add", "10.0.0.0/24", "via", "203.0.113.2")
    assert connected(host, "outside", place) == set(), "projects that come later begin closed"
    for cidr in ("0.0.0.0/0", "::/0"):
        netconsole(host, "secgroup", "revoke", "default", "--project", "demo", "--cidr", cidr)
    assert not flow.answers()
    assert "lets everything in" not in netconsole(host, "status")
