"""A nova database as Newton (14.0.0) made it, with the tables that concern the network.

The columns are those of nova/db/sqlalchemy/models.py and its migrations up to 334.
"""

import base64
import sqlite3
from pathlib import Path

from guest_samples import PUBLIC_KEY, USER_DATA

_STAMPS = "created_at DATETIME, updated_at DATETIME, deleted_at DATETIME, deleted INTEGER"

TABLES = f"""
CREATE TABLE networks (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, injected BOOLEAN, cidr VARCHAR(43),
    netmask VARCHAR(39), bridge VARCHAR(255), gateway VARCHAR(39), broadcast VARCHAR(39),
    dns1 VARCHAR(39), vlan INTEGER, vpn_public_address VARCHAR(39), vpn_public_port INTEGER,
    vpn_private_address VARCHAR(39), dhcp_start VARCHAR(39), project_id VARCHAR(255),
    host VARCHAR(255), cidr_v6 VARCHAR(43), gateway_v6 VARCHAR(39), label VARCHAR(255),
    netmask_v6 VARCHAR(39), bridge_interface VARCHAR(255), multi_host BOOLEAN, dns2 VARCHAR(39),
    uuid VARCHAR(36), priority INTEGER, rxtx_base INTEGER, mtu INTEGER, dhcp_server VARCHAR(39),
    enable_dhcp BOOLEAN, share_address BOOLEAN,
    CONSTRAINT uniq_networks0vlan0deleted UNIQUE (vlan, deleted)
);
CREATE TABLE fixed_ips (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, address VARCHAR(39), network_id INTEGER,
    allocated BOOLEAN, leased BOOLEAN, reserved BOOLEAN, virtual_interface_id INTEGER,
    host VARCHAR(255), instance_uuid VARCHAR(36),
    CONSTRAINT uniq_fixed_ips0address0deleted UNIQUE (address, deleted)
);
CREATE TABLE floating_ips (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, address VARCHAR(39), fixed_ip_id INTEGER,
    project_id VARCHAR(255), host VARCHAR(255), auto_assigned BOOLEAN, pool VARCHAR(255),
    interface VARCHAR(255),
    CONSTRAINT uniq_floating_ips0address0deleted UNIQUE (address, deleted)
);
CREATE TABLE virtual_interfaces (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, address VARCHAR(255), network_id INTEGER,
    uuid VARCHAR(36), instance_uuid VARCHAR(36), tag VARCHAR(255),
    CONSTRAINT uniq_virtual_interfaces0address0deleted UNIQUE (address, deleted)
);
CREATE TABLE instances (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, internal_id INTEGER, user_id VARCHAR(255),
    project_id VARCHAR(255), image_ref VARCHAR(255), kernel_id VARCHAR(255),
    ramdisk_id VARCHAR(255), launch_index INTEGER, key_name VARCHAR(255), key_data TEXT,
    power_state INTEGER, vm_state VARCHAR(255), memory_mb INTEGER, vcpus INTEGER,
    hostname VARCHAR(255), host VARCHAR(255), user_data TEXT, reservation_id VARCHAR(255),
    launched_at DATETIME, terminated_at DATETIME, display_name VARCHAR(255),
    display_description VARCHAR(255), availability_zone VARCHAR(255), locked BOOLEAN,
    os_type VARCHAR(255), launched_on TEXT, instance_type_id INTEGER, vm_mode VARCHAR(255),
    uuid VARCHAR(36) NOT NULL, architecture VARCHAR(255), root_device_name VARCHAR(255),
    access_ip_v4 VARCHAR(39), access_ip_v6 VARCHAR(39), config_drive VARCHAR(255),
    task_state VARCHAR(255), default_ephemeral_device VARCHAR(255),
    default_swap_device VARCHAR(255), progress INTEGER, auto_disk_config BOOLEAN,
    shutdown_terminate BOOLEAN, disable_terminate BOOLEAN, root_gb INTEGER, ephemeral_gb INTEGER,
    cell_name VARCHAR(255), node VARCHAR(255), locked_by VARCHAR(5), cleaned INTEGER,
    ephemeral_key_uuid VARCHAR(36), CONSTRAINT uniq_instances0uuid UNIQUE (uuid)
);
CREATE TABLE instance_metadata (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, key VARCHAR(255), value VARCHAR(255),
    instance_uuid VARCHAR(36)
);
CREATE TABLE security_groups (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(255), description VARCHAR(255),
    user_id VARCHAR(255), project_id VARCHAR(255),
    CONSTRAINT uniq_security_groups0project_id0name0deleted UNIQUE (project_id, name, deleted)
);
CREATE TABLE security_group_rules (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, parent_group_id INTEGER, protocol VARCHAR(255),
    from_port INTEGER, to_port INTEGER, cidr VARCHAR(43), group_id INTEGER
);
CREATE TABLE security_group_instance_association (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, security_group_id INTEGER,
    instance_uuid VARCHAR(36)
);
CREATE TABLE security_group_default_rules (
    {_STAMPS}, id INTEGER NOT NULL PRIMARY KEY, protocol VARCHAR(5), from_port INTEGER,
    to_port INTEGER, cidr VARCHAR(43)
);
"""

HOST = "testhost"
WEB1 = "6b2f2c0e-7b0e-4d58-9f0e-0c8ad3f7a001"
WEB2 = "6b2f2c0e-7b0e-4d58-9f0e-0c8ad3f7a002"
GONE = "6b2f2c0e-7b0e-4d58-9f0e-0c8ad3f7a003"
VMNET = "0a6b9b7e-3f0c-4f53-8f0a-51f5a9f0b001"
OTHER = "0a6b9b7e-3f0c-4f53-8f0a-51f5a9f0b002"
TOLD = {
    "user_data": base64.encodebytes(USER_DATA).decode(),
    "key_name": "mykey",
    "key_data": f"{PUBLIC_KEY}\n",
    "image_ref": "ed8b2a37-5535-4a5f-a615-443513036d71",
    "kernel_id": "",
    "ramdisk_id": "",
    "availability_zone": "west",
}
"""What the first guest is told."""


def create(path: Path | str, statements: str = "") -> None:
    """Make the database of a small cloud: two networks, two guests, one of them gone."""
    with sqlite3.connect(path) as database:
        database.executescript(TABLES)
        _networks(database)
        _guests(database)
        _addresses(database)
        _groups(database)
        database.executescript(statements)
    database.close()


def _insert(database: sqlite3.Connection, table: str, **values: object) -> None:
    row = {"created_at": "2016-10-06 12:00:00", "deleted": 0, **values}
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608


def _networks(database: sqlite3.Connection) -> None:
    shared = {"netmask": "255.255.255.0", "injected": 0, "multi_host": 0, "dns1": "8.8.4.4"}
    shared |= {"enable_dhcp": 1, "share_address": 0, "rxtx_base": None}
    _insert(
        database,
        "networks",
        **shared,
        **{"id": 1, "uuid": VMNET, "label": "vmnet", "cidr": "10.0.0.0/24", "bridge": "br100"},
        **{"gateway": "10.0.0.1", "broadcast": "10.0.0.255", "dhcp_start": "10.0.0.2"},
        **{"dhcp_server": "10.0.0.1", "host": HOST, "mtu": 1450, "project_id": "demo"},
    )
    _insert(
        database,
        "networks",
        **shared,
        **{"id": 2, "uuid": OTHER, "label": "other", "cidr": "10.1.0.0/24", "bridge": "br101"},
        **{"gateway": "10.1.0.1", "broadcast": "10.1.0.255", "dhcp_start": "10.1.0.2"},
        **{"dhcp_server": "10.1.0.1", "host": "elsewhere", "bridge_interface": "eth1"},
    )
    _insert(
        database,
        "networks",
        **{"id": 3, "uuid": "x", "label": "former", "cidr": "10.0.0.0/24", "deleted": 3},
    )


def _guests(database: sqlite3.Connection) -> None:
    for number, (key, owner, deleted) in enumerate(
        (("role", WEB1, 0), ("old", WEB1, 2), ("role", GONE, 0)), 1
    ):
        _insert(
            database,
            "instance_metadata",
            **{"id": number, "key": key, "value": "web", "instance_uuid": owner},
            deleted=deleted,
        )
    for number, uuid, name, deleted in (
        (1, WEB1, "web1", 0),
        (2, WEB2, "web1", 0),
        (3, GONE, "web3", 3),
    ):
        _insert(
            database,
            "instances",
            **{"id": number, "uuid": uuid, "hostname": name, "display_name": name.upper()},
            **{"project_id": "demo", "host": HOST, "vm_state": "active", "deleted": deleted},
            **(TOLD if uuid == WEB1 else {}),
        )
        _insert(
            database,
            "virtual_interfaces",
            **{"id": number, "address": f"fa:16:3e:00:00:0{number}", "network_id": 1},
            **{"uuid": f"{number}{uuid[1:]}", "instance_uuid": uuid, "deleted": deleted},
        )


def _groups(database: sqlite3.Connection) -> None:
    """A project's groups with the guide's two rules; those that are gone are still in the rows."""
    for group, name, deleted in ((1, "default", 0), (2, "old", 2), (4, "web", 0)):
        _insert(
            database,
            "security_groups",
            **{"id": group, "name": name, "description": f"the {name} one", "deleted": deleted},
            project_id="demo",
        )
    rules: tuple[dict[str, object], ...] = (
        {"protocol": "icmp", "from_port": -1, "to_port": -1, "cidr": "0.0.0.0/0"},
        {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0"},
        {"protocol": "tcp", "from_port": 80, "to_port": 80, "cidr": "0.0.0.0/0", "deleted": 3},
        # Of the group that is gone, and for it.
        {"protocol": "tcp", "from_port": 1, "to_port": 9, "cidr": "::/0", "parent_group_id": 2},
        {"group_id": 2},
        # nova kept what was typed; the packet filter did not.
        {"protocol": "TCP", "from_port": 1, "to_port": 9, "cidr": "10.9.0.7/16"},
        {"group_id": 1, "parent_group_id": 4},
        {"protocol": "udp", "group_id": 4, "parent_group_id": 4},
    )
    for number, row in enumerate(rules, start=1):
        values = {"id": number, "parent_group_id": 1} | row
        _insert(database, "security_group_rules", **values)
    table = "security_group_instance_association"
    for number, (group, instance) in enumerate(
        ((1, WEB1), (4, WEB1), (1, WEB2), (1, GONE), (2, WEB2)), start=1
    ):
        row = {"id": number, "security_group_id": group, "instance_uuid": instance}
        _insert(database, table, **row)
    _insert(database, table, id=9, security_group_id=4, instance_uuid=WEB2, deleted=9)
    numbers = {"from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0"}
    for number in (1, 2):
        row = {"id": number, "protocol": "tcp", "deleted": number - 1, **numbers}
        _insert(database, "security_group_default_rules", **row)


def _addresses(database: sqlite3.Connection) -> None:
    held: dict[str, dict[str, object]] = {
        "10.0.0.2": {"instance_uuid": WEB1, "virtual_interface_id": 1, "allocated": 1, "leased": 1},
        "10.0.0.3": {"instance_uuid": WEB2, "virtual_interface_id": 2, "allocated": 1},
        # Its guest is gone, its lease is not over.
        "10.0.0.4": {"instance_uuid": GONE, "virtual_interface_id": 3, "leased": 1},
        # Its guest is gone, and nova has forgotten to take it back.
        "10.0.0.5": {"instance_uuid": GONE, "virtual_interface_id": 3, "allocated": 1},
        "10.0.0.6": {"reserved": 1},
    }
    number = 0
    for network, prefix in ((1, "10.0.0"), (2, "10.1.0")):
        for last in range(256):
            number += 1
            address = f"{prefix}.{last}"
            reserved = int(last in (0, 1, 255))
            _insert(
                database,
                "fixed_ips",
                **{"id": number, "address": address, "network_id": network},
                **({"allocated": 0, "leased": 0, "reserved": reserved} | held.get(address, {})),
            )
    floating: dict[str, object] = {"pool": "nova", "interface": "eth0", "auto_assigned": 0}
    rows: tuple[dict[str, object], ...] = (
        {"address": "203.0.113.129", "fixed_ip_id": 3, "project_id": "demo", "host": HOST},
        {"address": "203.0.113.130", "project_id": "demo"},
        {"address": "203.0.113.131", "fixed_ip_id": 8, "project_id": "demo", "host": HOST},
        {"address": "203.0.113.132", "deleted": 4},
    )
    for number, row in enumerate(rows, start=1):
        _insert(database, "floating_ips", id=number, **(floating | row))
