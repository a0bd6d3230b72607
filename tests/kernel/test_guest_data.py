"""What instances are told: given on the command line, shown, read back, on the config drive."""

import base64
import json

import pytest
from cloud import answer, boot, configure, create_network, netconsole
from guest_asking import ask, serve, stop
from guest_samples import PUBLIC_KEY
from private_host import PrivateHost
from pseudo_terminal import Terminal

LIFETIME = "X-aws-ec2-metadata-token-ttl-seconds"

SECRETS = ("Extra user data", "AAAAB3", "not for everybody", "top secret")
CREATE = (
    *("instance", "create", "web1", "--project", "demo", "--network", "vmnet"),
    *("--user-data", "/root/user.sh", "--key", "mykey=/root/id.pub", "--meta", "role=web"),
    *("--file", "/etc/motd=/root/motd", "--image", "ami-0000002a", "--flavor", "m1.small"),
    *("--availability-zone", "west", "--admin-password-file", "/root/password"),
)
INJECT = ("instance", "inject", "web1", "--config-drive")


@pytest.fixture
def told(host: PrivateHost) -> PrivateHost:
    """A host with an instance that is told everything; the files are its admin's."""
    create_network(host)
    host.run("mkdir", "-p", "/run/root")
    host.run("mount", "--bind", "/run/root", "/root")
    host.write("/root/user.sh", "#!/bin/bash\necho 'Extra user data here'\n")
    host.write("/root/id.pub", f"{PUBLIC_KEY}\n")
    host.write("/root/motd", "top secret\n")
    host.write("/root/password", "not for everybody\n")
    netconsole(host, *CREATE)
    return host


def test_it_is_shown_by_sizes_and_names_and_read_back_by_who_may(told: PrivateHost) -> None:
    shown = netconsole(told, "instance", "show", "web1")
    for line in (
        *("user_data          40 bytes", "files              /etc/motd 11 bytes"),
        *("meta               role=web", "flavor             m1.small"),
        "admin_password     set",
    ):
        assert line in shown
    in_json = answer(told, "instance", "show", "web1")
    assert in_json["told"]["files"] == {"/etc/motd": 11}
    assert netconsole(told, "instance", "user-data", "web1") == told.read("/root/user.sh")
    refused = told.run(*("netconsole", "--read-only", "instance", "user-data", "web1"), check=False)
    assert (refused.returncode, refused.stdout) == (3, "")


def test_no_secret_is_written_down_anywhere_but_in_the_store(told: PrivateHost) -> None:
    netconsole(told, "instance", "set", "web1", "--user-data", "/root/user.sh", "--no-key", "mykey")
    netconsole(told, "keypair", "add", "mykey", "/root/id.pub", "--project", "demo")
    told.run("mkdir", "/run/drives")
    netconsole(told, *INJECT, "/run/drives/web1.iso")
    saved = ("doctor", "--save", "/run/evidence.json")
    told.run("netconsole", *saved, check=False)
    said = "".join(
        (
            netconsole(told, "instance", "show", "web1"),
            netconsole(told, "instance", "list", "--json"),
            netconsole(told, "keypair", "list", "--json"),
            netconsole(told, "status", "--json"),
            told.run("netconsole", "plan", "--json", check=False).stdout,
            netconsole(told, "history", "--json"),
            netconsole(told, "log"),
            netconsole(told, *CREATE[:2], "web2", *CREATE[3:], "--dry-run"),
            netconsole(
                *(
                    told,
                    "instance",
                    "inject",
                    "web1",
                    "--config-drive",
                    "/run/drives/w",
                    "--dry-run",
                )
            ),
            told.run("sh", "-c", "cat /var/lib/netconsole/audit.jsonl").stdout,
            told.run("sh", "-c", "cat /var/lib/netconsole/journal/*").stdout,
            told.run("sh", "-c", "zcat -f /run/evidence.json*").stdout,
        )
    )
    assert [secret for secret in SECRETS if secret in said] == []
    assert "--user-data /root/user.sh" in said
    mode = told.run("stat", "-c", "%a %U", "/var/lib/netconsole/netconsole.sqlite").stdout
    assert mode.split()[0][-1] == "0", "nobody else reads the store"


@pytest.mark.requires("bsdtar")
def test_the_config_drive_has_it_and_is_root_s_alone(told: PrivateHost) -> None:
    told.run("mkdir", "/run/drives")
    drive = "/run/drives/web1.iso"
    netconsole(told, *INJECT, drive)
    assert told.run("stat", "-c", "%a %u", drive).stdout == "600 0\n"

    def content(path: str) -> str:
        return told.run("bsdtar", "-xOf", drive, path).stdout

    assert content("openstack/latest/user_data") == told.read("/root/user.sh")
    assert content("ec2/latest/user-data") == told.read("/root/user.sh")
    assert content("openstack/content/0000") == "top secret\n"
    document = json.loads(content("openstack/latest/meta_data.json"))
    assert "not for everybody" in document["admin_pass"]
    assert document["public_keys"] == {"mykey": PUBLIC_KEY}
    assert document["meta"] == {"role": "web"}
    assert document["availability_zone"] == "west"
    told.run("chmod", "640", drive)
    told.write("/run/vendor.json", '{"cloud-init": "#cloud-config"}')
    lines = "vendordata_jsonfile_path = /run/vendor.json\nvendordata_dynamic_targets = a@http://a\n"
    former = told.read("/etc/netconsole/netconsole.conf")
    told.write("/etc/netconsole/netconsole.conf", former + lines)
    netconsole(told, "instance", "set", "web1", "--user-data", "/root/motd")
    said = told.run("netconsole", *INJECT, drive).stderr
    assert "vendordata_dynamic_targets: not on the drive" in said
    assert content("openstack/latest/vendor_data.json") == '{"cloud-init": "#cloud-config"}'
    assert content("openstack/latest/user_data") == "top secret\n"
    assert told.run("stat", "-c", "%a", drive).stdout == "640\n"


def test_a_deleted_instance_s_are_gone(told: PrivateHost) -> None:
    netconsole(told, "instance", "delete", "web1")
    netconsole(told, "instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    assert answer(told, "instance", "show", "web1")["told"]["user_data"] is None
    refused = told.run("netconsole", "instance", "user-data", "web1", check=False)
    assert refused.returncode == 1
    assert "has no user data" in refused.stderr


HOSTILE = {
    ("--user-data", "/root"): "user data '/root': cannot be read: is a directory",
    ("--user-data", "/root/fifo"): "user data '/root/fifo': cannot be read: is a FIFO",
    ("--user-data", "/gone"): "user data '/gone': cannot be read: No such file",
    ("--user-data", "/root/empty"): "user data '/root/empty': is empty",
    ("--user-data", "/root/ten"): "user data '/root/ten': cannot be read: has more than",
    ("--user-data", "/dev/zero"): "user data '/dev/zero': cannot be read: is a device",
    ("--meta", "=v"): "--meta '=v': must be KEY=VALUE",
    ("--meta", "k"): "--meta 'k': must be KEY=VALUE",
    ("--meta", "k=1", "--meta", "k=2"): "--meta 'k=2': 'k' is given twice",
    ("--file", "/etc/motd"): "--file '/etc/motd': must be PATH=FILE",
    ("--key", "=/root/id.pub"): "--key '=/root/id.pub': must be NAME=FILE or NAME",
    ("--key", "me=/root/private"): "key '/root/private': is a private key",
    ("--admin-password-file", "/root/empty"): "admin password '(not shown)': must be 1 to",
}


def test_hostile_arguments_are_one_line_each_and_change_nothing(told: PrivateHost) -> None:
    told.run("mkfifo", "/root/fifo")
    told.write("/root/empty", "")
    told.write("/root/ten", "x" * 10_000_000)
    told.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/root/private")
    before = answer(told, "instance", "list")
    for words, says in HOSTILE.items():
        command = ("instance", "create", "web2", "--project", "demo", *words)
        refused = told.run("netconsole", *command, check=False)
        assert (refused.returncode, refused.stdout) == (2, ""), words
        assert refused.stderr.startswith(f"netconsole: {says}"), refused.stderr
        assert refused.stderr.count("\n") == 1
    assert answer(told, "instance", "list") == before


def test_user_data_is_any_bytes_and_may_come_from_standard_input(told: PrivateHost) -> None:
    told.run("sh", "-c", r"printf '\0\377\033[2Jx' > /root/bytes")
    told.run(
        *("sh", "-c", "netconsole instance set web1 --user-data - < /root/bytes"),
    )
    told.run("sh", "-c", "netconsole instance user-data web1 > /root/back")
    told.run("cmp", "/root/bytes", "/root/back")
    command = ("instance", "set", "web1", "--user-data")
    closed = told.run("sh", "-c", f"netconsole {' '.join(command)} - <&-", check=False)
    assert closed.returncode == 2
    assert "user data '-': is empty" in closed.stderr


def test_a_password_of_standard_input_is_in_no_argument(told: PrivateHost) -> None:
    told.run("sh", "-c", "echo hidden | netconsole instance set web1 --admin-password")
    assert answer(told, "instance", "show", "web1")["told"]["admin_password"] is True
    netconsole(told, "instance", "set", "web1", "--no-admin-password")
    assert answer(told, "instance", "show", "web1")["told"]["admin_password"] is False


def test_key_pairs_by_project(told: PrivateHost) -> None:
    netconsole(told, "keypair", "add", "mykey", "/root/id.pub", "--project", "demo")
    (pair,) = answer(told, "keypair", "list")
    fingerprint = told.run("ssh-keygen", "-l", "-E", "md5", "-f", "/root/id.pub").stdout
    assert f"MD5:{pair['fingerprint']} " in fingerprint
    assert "public_key" not in pair
    shown = answer(told, "keypair", "show", "mykey", "--project", "demo")
    assert shown["public_key"] == PUBLIC_KEY
    netconsole(
        *(told, "instance", "create", "web2", "--project", "demo", "--network", "vmnet"),
        *("--key", "mykey"),
    )
    assert answer(told, "instance", "show", "web2")["told"]["keys"] == [
        ["mykey", pair["fingerprint"]]
    ]
    netconsole(told, "keypair", "delete", "mykey", "--project", "demo")
    assert answer(told, "keypair", "list") == []


@pytest.mark.requires("curl", "udhcpc")
def test_evidence_holds_no_secret_of_the_metadata_service(told: PrivateHost) -> None:
    """Nor what guests posted, nor by what vendors and proxies know the host."""
    targets = "vendordata_dynamic_targets = join@http://user:word-of-vendor@127.0.0.1:9/?key=by-key"
    configure(told, targets)
    text = told.read("/etc/netconsole/netconsole.conf")
    neutron = "[neutron]\nmetadata_proxy_shared_secret = between us\n"
    told.write("/etc/netconsole/netconsole.conf", f"{text}\n{neutron}")
    boot(told, "db1", more=("--user-data", "/root/user.sh"))
    service = serve(told)
    posted = ("--data-binary", "posted by guest")
    assert ask(told, "db1", "/openstack/latest/password", *posted).status == 200
    token = ask(told, "db1", "/latest/api/token", "-X", "PUT", "-H", f"{LIFETIME}: 60").body
    asked = ("-H", f"X-aws-ec2-metadata-token: {token}")
    assert ask(told, "db1", "/openstack/latest/vendor_data2.json", *asked).status == 200
    told.run("netconsole", "doctor", "--save", "/run/evidence.json", check=False)
    said = told.run("sh", "-c", "zcat -f /run/evidence.json*").stdout + stop(told, service)
    assert "db1" in said
    in_base64 = base64.b64encode(b"posted by guest").decode()
    others = ("word-of-vendor", "by-key", "between us", "posted by guest", in_base64, token)
    assert [secret for secret in (*SECRETS, *others) if secret in said] == []


@pytest.mark.parametrize("again", ["not for everybody", "another"])
def test_the_password_is_asked_for_at_a_terminal(told: PrivateHost, again: str) -> None:
    """It is not shown, and asked for twice."""
    words = ("create", "web2", "--project", "demo", "--network", "vmnet", "--admin-password")
    with Terminal(told.entered("netconsole", "instance", *words)) as terminal:
        terminal.wait_for("Admin password:")
        terminal.press(*"not for everybody", "enter")
        terminal.wait_for("Repeat for confirmation:")
        terminal.press(*again, "enter")
        if again == "another":
            terminal.wait_for("do not match")
            terminal.press("ctrl+c")
        status = terminal.exit_status(60)
        assert b"not for everybody" not in terminal.output
    names = [each["instance"]["name"] for each in answer(told, "instance", "list")]
    assert (status == 0, "web2" in names) == (again != "another", again != "another")
    if again != "another":
        assert "admin_password     set" in netconsole(told, "instance", "show", "web2")
