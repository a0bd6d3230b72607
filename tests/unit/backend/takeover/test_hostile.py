"""A nova database of which anyone may have written anything: one line, and nothing taken over."""

import os
import shutil
import sqlite3
import ssl
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from itertools import product
from pathlib import Path

import nova_database
import pytest
from nova_database import HOST
from sqlalchemy import Connection

from netconsole.backend.changes.takeover import ImportNova
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.store import networks, snapshot
from netconsole.backend.takeover import database
from netconsole.backend.takeover.rows import (
    NovaDefaultRule,
    NovaFixedIP,
    NovaFloatingIP,
    NovaInstance,
    NovaInterface,
    NovaMembership,
    NovaNetwork,
    NovaSecurityGroup,
    NovaSecurityGroupRule,
)

OPTIONS = Options(host=HOST, my_ip="203.0.113.2")


def imported(path: Path, connection: Connection) -> None:
    """Take a database over, and read back what a host is to make of it."""
    ImportNova("nova", database.read(f"sqlite:///{path}")).write(connection, OPTIONS)
    intent(snapshot.records(connection, HOST), OPTIONS)


VALUES = ("x", 70000, 1e308, b"\xff\xfe", "a\0b\n", "fe80::1%eth0", "9" * 5000)
ROWS = {
    "networks": NovaNetwork,
    "fixed_ips": NovaFixedIP,
    "floating_ips": NovaFloatingIP,
    "virtual_interfaces": NovaInterface,
    "instances": NovaInstance,
    "security_groups": NovaSecurityGroup,
    "security_group_rules": NovaSecurityGroupRule,
    "security_group_instance_association": NovaMembership,
    "security_group_default_rules": NovaDefaultRule,
}


@pytest.mark.parametrize(("table", "kind"), ROWS.items(), ids=ROWS.keys())
def test_any_value_is_taken_over_as_it_can_be_or_refused_in_one_line(
    tmp_path: Path, connection: Connection, table: str, kind: type[NovaNetwork]
) -> None:
    """Whatever is written is read again by every command: no row may be one that none can read."""
    path = tmp_path / "nova.sqlite"
    nova_database.create(path, "DELETE FROM fixed_ips WHERE address NOT LIKE '10.%.0._'")
    good = path.read_bytes()
    for column, value in product((field.name for field in fields(kind)), VALUES):
        path.write_bytes(good)
        with closing(sqlite3.connect(path)) as nova:
            try:
                nova.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 1", (value,))  # noqa: S608
            except sqlite3.IntegrityError:
                continue  # a key, which is a whole number even to SQLite
            nova.commit()
        attempt = connection.begin_nested()
        try:
            imported(path, connection)
        except NetconsoleError as error:
            said = str(error)
        else:
            said = ""
        finally:
            attempt.rollback()
        assert len(said) < 500
        assert "\n" not in said
        assert "damaged" not in said


SHAPES = {
    "a column is missing": (
        "ALTER TABLE networks RENAME COLUMN deleted TO x",
        "column networks.de",
    ),
    "an address is missing": ("ALTER TABLE fixed_ips RENAME COLUMN address TO x", "s.address"),
    "a table is missing": ("DROP TABLE instances", "no table instances"),
    "a view without an end": (
        "ALTER TABLE networks RENAME TO former; CREATE VIEW networks AS WITH RECURSIVE more AS "
        "(SELECT 1 AS id, 0 AS deleted UNION ALL SELECT id + 1, 0 FROM more) SELECT * FROM more",
        "no table networks",
    ),
    "views of each other": (
        "DROP TABLE networks; DROP TABLE fixed_ips; CREATE VIEW networks AS SELECT * FROM "
        "fixed_ips; CREATE VIEW fixed_ips AS SELECT * FROM networks",
        "no table networks",
    ),
    "two rows of one id": (
        "CREATE TABLE more AS SELECT * FROM networks; DROP TABLE networks; ALTER TABLE more RENAME "
        "TO networks; UPDATE networks SET id = 1",
        "networks.id '1': stands in two rows",
    ),
    "two of one address": (
        "CREATE TABLE more AS SELECT * FROM fixed_ips; DROP TABLE fixed_ips; ALTER TABLE more "
        "RENAME TO fixed_ips; UPDATE fixed_ips SET address = '10.0.0.9' WHERE id = 9",
        "fixed_ips.address '10.0.0.9': stands in two rows",
    ),
    "an id that is none": (
        "CREATE TABLE more AS SELECT * FROM networks; DROP TABLE networks; ALTER TABLE more RENAME "
        "TO networks; UPDATE networks SET id = NULL WHERE id = 2",
        "networks.id of id None 'None': must be a whole number",
    ),
    "a text that is none": (
        "UPDATE networks SET label = CAST(x'ff' AS TEXT)",
        "Could not decode to UTF-8 column 'label'",
    ),
    "networks that overlap": (
        "UPDATE networks SET cidr = '10.0.0.0/16', dhcp_start = '10.0.1.2' WHERE id = 2; "
        "DELETE FROM fixed_ips WHERE network_id = 2",
        "overlaps 10.0.0.0/24 of network 'vmnet', which is of the same database",
    ),
    "an address of nowhere": (
        "UPDATE fixed_ips SET address = '192.0.2.1' WHERE address = '10.0.0.9'",
        "fixed_ips.address of network 'vmnet' '192.0.2.1': must lie in 10.0.0.0/24",
    ),
    "a number that is none": ("UPDATE networks SET vpn_public_port = 'x'", "of id 1 'x': must be"),
}


@pytest.mark.parametrize(("statements", "words"), SHAPES.values(), ids=SHAPES.keys())
def test_a_database_of_another_shape_is_refused(
    tmp_path: Path, connection: Connection, statements: str, words: str
) -> None:
    path = tmp_path / "nova.sqlite"
    nova_database.create(path, statements)
    with pytest.raises(NetconsoleError) as caught:
        imported(path, connection)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert networks.every(connection) == ()


def test_a_column_of_an_unknown_type_is_no_warning(
    tmp_path: Path, connection: Connection, recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "nova.sqlite"
    nova_database.create(path, "ALTER TABLE networks ADD COLUMN more NONSENSE(1)")
    imported(path, connection)
    assert not recwarn.list


URLS = {
    "sqlite:///fifo": (3, "is a FIFO, not a file"),
    "sqlite:///directory": (3, "is a directory, not a file"),
    "sqlite:///garbage": (3, "file is not a database"),
    "sqlite:////dev/zero": (3, "is a device, not a file"),
    f"sqlite:///{'a' * 5000}": (3, "File name too long"),
    "sqlite:///a%00b": (2, r"database 'a\x00b': embedded null"),
    "mysql://u:secret@127.0.0.1:1/nova?charset=nosuch": (2, "a charset or a collation that is not"),
    "mysql://u:secret@127.0.0.1:1/nova?connect_timeout=x": (2, "is refused by the driver"),
    "mysql://u:secret@127.0.0.1:1/nova?connect_timeout=-5": (2, "connect_timeout should be >0"),
    "mysql://u:secret@127.0.0.1:1/nova?port=x": (2, "port should be of type int"),
    "mysql://u:secret@127.0.0.1:1/nova?use_unicode=maybe": (2, "not true/false: 'maybe'"),
    "mysql://u:secret%ff@127.0.0.1:1/nova": (2, "the password or the database has letters"),
    "mysql://u:secret@[::1/nova": (2, "must be a database URL"),
    "mysql://u:secret@127.0.0.1:1/nova?ssl_ca=certificate": (3, "Can't connect to MySQL server"),
    "mysql://u:secret@127.0.0.1:1/nova?ssl_ca=fifo": (2, "ssl_ca 'fifo': is a FIFO, not a file"),
    "mysql://u:secret@127.0.0.1:1/nova?ssl_ca=garbage": (2, "'garbage': has no certificate"),
    "postgresql://u:secret@127.0.0.1:1/nova?sslrootcert=garbage": (2, "has no certificate"),
    "postgresql://u:secret@127.0.0.1:1/nova?sslmode=zzz": (3, "invalid sslmode value"),
}
"""What is given, the exit status, and what the line says."""

ASK = """
import sys
from netconsole.cli.frame import failures
from netconsole.backend.takeover import database
for url in sys.argv[1:]:
    try:
        database.read(url)
    except Exception as error:
        print(failures.end(error), file=sys.stderr, flush=True)
"""


def test_what_is_no_database_is_one_line_and_the_documented_status(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    (tmp_path / "garbage").write_bytes(b"garbage" * 200)
    certificate = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    shutil.copy(certificate, tmp_path / "certificate")
    done = subprocess.run(
        [sys.executable, "-c", ASK, *URLS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = done.stderr.splitlines()
    assert len(lines) == 2 * len(URLS), done.stderr
    assert "secret" not in done.stderr
    for line, answered, (url, (status, words)) in zip(
        lines[::2], lines[1::2], URLS.items(), strict=True
    ):
        assert words in line, url
        assert int(answered) == status, url
