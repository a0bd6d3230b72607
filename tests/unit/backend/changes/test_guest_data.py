"""What instances are told: kept, changed, taken away, and refused by name."""

import base64
from collections.abc import Mapping
from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import options
from guest_samples import PASSWORD, PUBLIC_KEY, USER_DATA

from netconsole.backend.changes.attachment import Attachment, attached
from netconsole.backend.changes.guest_data import SetInstance
from netconsole.backend.changes.guest_details import GuestDetails, GuestRemovals
from netconsole.backend.changes.guest_password import ClearGuestPassword, SetGuestPassword
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.key_pairs import AddKeyPair, DeleteKeyPair
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, Exhausted, InvalidValue, NotFound
from netconsole.backend.model.guest_data import SINGLE, GuestData, GuestFile, GuestKey, KeyPair
from netconsole.backend.model.guest_data import summary as summary_of
from netconsole.backend.store import guest_data, instances, key_pairs, tables

OPTIONS = options()
KEY_FILE = attached("id.pub", PUBLIC_KEY.encode())
DETAILS = GuestDetails(
    user_data=attached("user.sh", USER_DATA),
    keys={"mykey": KEY_FILE},
    meta={"role": "web", "empty": ""},
    files={"/etc/motd": attached("motd", b"hello\n"), "/etc/a": attached("-", b"")},
    image="ami-0000002a",
    kernel="aki-0000002b",
    ramdisk="ari-0000002c",
    flavor="m1.small",
    availability_zone="west",
    admin_password=PASSWORD,
)


@pytest.fixture(autouse=True)
def network(connection: sa.Connection) -> None:
    CreateNetwork("vmnet", "10.0.0.0/24", bridge="br100").write(connection, OPTIONS)


def create(
    connection: sa.Connection, told: GuestDetails, name: str = "web1", chosen: Options = OPTIONS
) -> None:
    CreateInstance(name, "demo", told=told).write(connection, chosen)


def found(connection: sa.Connection, name: str = "web1") -> GuestData:
    return guest_data.of_instance(connection, instances.find(connection, name))


def rows(connection: sa.Connection) -> int:
    counts = (sa.select(sa.func.count()).select_from(table) for table in tables.TOLD_TABLES)
    return sum(connection.execute(count).scalar_one() for count in counts)


def test_an_instance_is_told_what_it_is_made_with(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    guest = found(connection)
    assert guest == GuestData(
        guest.view,
        USER_DATA,
        (GuestKey("mykey", PUBLIC_KEY),),
        {"role": "web", "empty": ""},
        (GuestFile("/etc/motd", b"hello\n"), GuestFile("/etc/a", b"")),
        *("ami-0000002a", "aki-0000002b", "ari-0000002c", "m1.small", "west", PASSWORD),
    )
    assert [port.network.label for port in guest.view.ports] == ["vmnet"]


def test_one_instance_s_are_not_another_s_and_go_with_it(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    create(connection, GuestDetails(), "web2")
    bare = found(connection, "web2")
    assert bare == GuestData(bare.view)
    DeleteInstance("web2").write(connection, OPTIONS)
    assert found(connection).user_data == USER_DATA
    DeleteInstance("web1").write(connection, OPTIONS)
    assert rows(connection) == 0


def test_few_queries_tell_it_all_however_much_it_is(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    create(connection, GuestDetails(), "web2")
    executed: list[str] = []

    def note(*event: object) -> None:
        executed.append(str(event[2]))

    sa.event.listen(connection, "before_cursor_execute", note)
    counts = []
    for name in ("web1", "web2"):
        instance = instances.find(connection, name)
        executed.clear()
        guest_data.of_instance(connection, instance)
        counts.append(len(executed))
    assert counts[0] == counts[1] <= 10


def test_each_can_be_changed_and_the_rest_stays(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    before = found(connection)
    asked = GuestDetails(
        user_data=attached("other.sh", b"other"),
        keys={"second": KEY_FILE},
        meta={"role": "db"},
        files={"/etc/motd": attached("motd", b"bye\n")},
        flavor="m1.large",
    )
    SetInstance("web1", told=asked).write(connection, OPTIONS)
    assert found(connection) == replace(
        before,
        user_data=b"other",
        keys=(*before.keys, GuestKey("second", PUBLIC_KEY)),
        meta={"role": "db", "empty": ""},
        files=(GuestFile("/etc/motd", b"bye\n"), before.files[1]),
        flavor="m1.large",
    )


def test_each_can_be_taken_away(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    for name in SINGLE:
        SetInstance("web1", removed=GuestRemovals(single=(name,))).write(connection, OPTIONS)
        assert getattr(found(connection), name) is None
    left = found(connection)
    assert (left.keys, left.meta, left.files) != ((), {}, ())
    removed = GuestRemovals((), ("mykey",), ("role", "empty"), ("/etc/motd", "/etc/a"))
    SetInstance("web1", removed=removed).write(connection, OPTIONS)
    assert found(connection) == GuestData(left.view)
    assert rows(connection) == 0


def test_what_it_is_not_told_cannot_be_taken_away(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    for removed in (
        *(GuestRemovals(keys=("x",)), GuestRemovals(meta=("x",)), GuestRemovals(files=("x",))),
    ):
        with pytest.raises(NotFound, match=r"has no .*'x'.*instance show web1"):
            SetInstance("web1", removed=removed).write(connection, OPTIONS)
    with pytest.raises(InvalidValue, match="needs something to set"):
        SetInstance("web1").write(connection, OPTIONS)


def file(size: int) -> Attachment:
    return attached("big", bytes(size))


REFUSED: Mapping[str, GuestDetails] = {
    "user data 'big': has 65536 bytes, must have 65535": GuestDetails(user_data=file(65536)),
    "user data 'big': is empty": GuestDetails(user_data=file(0)),
    "user data 'x': must come in base64": GuestDetails(user_data=Attachment("x", "no!")),
    "file /a 'big': has 10241 bytes, must have 10240": GuestDetails(files={"/a": file(10241)}),
    "file 'a': must be an absolute path": GuestDetails(files={"a": file(1)}),
    "file '/a/': must be an absolute path": GuestDetails(files={"/a/": file(1)}),
    r"file '/a\\x00': must be an absolute path": GuestDetails(files={"/a\0": file(1)}),
    "file '/b/../a': must be a path without '.', '..' and '//', as '/a'": GuestDetails(
        files={"/a": file(1), "/b/../a": file(1)}
    ),
    "file '//a': must be a path without": GuestDetails(files={"//a": file(1)}),
    "file '/a/./b': must be a path without": GuestDetails(files={"/a/./b": file(1)}),
    "must be a path of 255 characters": GuestDetails(files={"/" + "a" * 255: file(1)}),
    "8 files are too many": GuestDetails(files={f"/{n}": file(1) for n in range(6)}),
    "131 metadata items are too many": GuestDetails(meta={f"{n}": "" for n in range(129)}),
    "metadata key '': must be 1 to 255": GuestDetails(meta={"": "x"}),
    "metadata key 'a=b': must be": GuestDetails(meta={"a=b": "x"}),
    "metadata key 'a{256}|metadata key": GuestDetails(meta={"a" * 256: "x"}),
    "metadata value of a ": GuestDetails(meta={"a": "x" * 256}),
    "metadata value of b ": GuestDetails(meta={"b": "x\0"}),
    "key name 'a=b': must be": GuestDetails(keys={"a=b": KEY_FILE}),
    "key name '': must be": GuestDetails(keys={"": KEY_FILE}),
    "key name 'aaa": GuestDetails(keys={"a" * 256: KEY_FILE}),
    "key 'big': must hold": GuestDetails(keys={"mykey": file(1)}),
    "key 'latin': must hold a text": GuestDetails(keys={"k": attached("latin", b"\xff")}),
    "key pair 'gone' does not exist": GuestDetails(keys={"gone": None}),
    "image '': must be": GuestDetails(image=""),
    r"flavor 'a\\nb': must be": GuestDetails(flavor="a\nb"),
    "availability zone 'zzz": GuestDetails(availability_zone="z" * 256),
    "admin password '.not shown.': must": GuestDetails(admin_password="a\tb" * 3),
}


@pytest.mark.parametrize("says", REFUSED)
def test_what_breaks_a_rule_is_refused_by_name(connection: sa.Connection, says: str) -> None:
    create(connection, DETAILS)
    before = found(connection)
    with pytest.raises((InvalidValue, Exhausted, NotFound), match=says) as refused:
        SetInstance("web1", told=REFUSED[says]).write(connection, options())
    assert "a\tb" not in str(refused.value)
    assert found(connection) == before


def test_what_just_keeps_the_rules_is_taken(connection: sa.Connection) -> None:
    asked = GuestDetails(
        user_data=file(65535),
        keys={"a" * 255: KEY_FILE},
        meta={f"{n:0255}": "\u00e4" * 255 for n in range(128)},
        files={f"/{n}".ljust(255, "a"): file(10240) for n in range(5)},
    )
    create(connection, asked)
    guest = found(connection)
    assert len(guest.user_data or b"") == 65535
    assert (len(guest.meta), len(guest.files)) == (128, 5)


def test_the_quotas_are_the_configuration_s(connection: sa.Connection) -> None:
    few = replace(
        OPTIONS,
        quota_metadata_items=1,
        quota_injected_files=-1,
        quota_injected_file_content_bytes=5,
        quota_injected_file_path_length=3,
    )
    create(connection, GuestDetails(files={f"/{n}": file(5) for n in range(9)}), chosen=few)
    for asked in (
        GuestDetails(files={"/a": file(6)}),
        GuestDetails(files={"/abc": file(1)}),
        GuestDetails(meta={"a": "", "b": ""}),
    ):
        with pytest.raises((InvalidValue, Exhausted)):
            SetInstance("web1", told=asked).write(connection, few)


def test_an_instance_keeps_a_key_whose_pair_is_deleted(connection: sa.Connection) -> None:
    AddKeyPair("demo", "mykey", KEY_FILE).write(connection, OPTIONS)
    with pytest.raises(NotFound, match=r"'mykey' does not exist in project 'other'"):
        CreateInstance("web9", "other", told=GuestDetails(keys={"mykey": None})).write(
            connection, OPTIONS
        )
    create(connection, GuestDetails(keys={"mykey": None}))
    DeleteKeyPair("demo", "mykey").write(connection, OPTIONS)
    assert key_pairs.every(connection) == ()
    assert found(connection).keys == (GuestKey("mykey", PUBLIC_KEY),)


def test_key_pairs_are_a_project_s(connection: sa.Connection) -> None:
    AddKeyPair("demo", "mykey", KEY_FILE).write(connection, OPTIONS)
    AddKeyPair("other", "mykey", KEY_FILE).write(connection, OPTIONS)
    with pytest.raises(Conflict, match="exists already in project 'demo'"):
        AddKeyPair("demo", "mykey", KEY_FILE).write(connection, OPTIONS)
    DeleteKeyPair("other", "mykey").write(connection, OPTIONS)
    (pair,) = key_pairs.every(connection)
    assert pair == KeyPair(pair.id, "demo", "mykey", "ssh", pair.fingerprint, PUBLIC_KEY)
    with pytest.raises(Exhausted, match="quota_key_pairs"):
        AddKeyPair("demo", "b", KEY_FILE).write(connection, replace(OPTIONS, quota_key_pairs=1))


def posted(content: bytes) -> SetGuestPassword:
    return SetGuestPassword("web1", base64.b64encode(content).decode())


def test_a_guest_posts_its_password_once_until_it_is_cleared(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    posted(b"\xffsecret").write(connection, OPTIONS)
    assert found(connection).password == b"\xffsecret"
    with pytest.raises(Conflict, match="clear-password web1"):
        posted(b"other").write(connection, OPTIONS)
    ClearGuestPassword("web1").write(connection, OPTIONS)
    assert found(connection).password is None
    assert found(connection).user_data == USER_DATA
    posted(bytes(1020)).write(connection, OPTIONS)
    ClearGuestPassword("web1").write(connection, OPTIONS)
    with pytest.raises(InvalidValue, match="1021 bytes"):
        posted(bytes(1021)).write(connection, OPTIONS)
    with pytest.raises(InvalidValue, match="must be base64"):
        SetGuestPassword("web1", "?").write(connection, OPTIONS)


def test_titles_and_summaries_hold_no_secret(connection: sa.Connection) -> None:
    create(connection, DETAILS)
    posted(b"encrypted").write(connection, OPTIONS)
    add, change = AddKeyPair("demo", "mykey", KEY_FILE), CreateInstance("a", "b", told=DETAILS)
    said = (
        *(add.title, change.title, SetInstance("web1", told=DETAILS).title, posted(b"x").title),
        *(repr(add), repr(change), repr(posted(b"encrypted")), repr(summary_of(found(connection)))),
    )
    assert "--user-data user.sh --key mykey=id.pub --meta role=web" in change.title
    assert "--file /etc/motd=motd" in change.title
    assert change.title.endswith("--admin-password")
    secrets = ("Extra", "AAAAB3", PASSWORD, "hello", "encrypted", KEY_FILE.content)
    assert not [secret for secret in secrets for text in said if secret in text]
