"""What stands on a config drive."""

import json
from dataclasses import replace

from core_samples import options
from guest_samples import OCCASION, PASSWORD, USER_DATA, told, untold
from injection_samples import flat_options

from netconsole.backend.injection.drive import documents
from netconsole.backend.injection.lookup import lookup


def test_it_has_what_the_service_answers_but_for_passwords() -> None:
    guest = told()
    files = dict(documents(guest, options(), OCCASION))
    checked = 0
    for path, content in files.items():
        answer = lookup(guest, path.split("/"), options(), OCCASION)
        if path.endswith("/meta_data.json"):
            assert answer is not None
            expected = json.loads(answer.content) | {"admin_pass": PASSWORD}
            assert json.loads(content) == expected
        elif path.endswith("/meta-data.json"):
            names = lookup(guest, path.removesuffix(".json").split("/"), options(), OCCASION)
            assert names is not None
            listed = {name.rstrip("/") for name in names.content.decode().split("\n")}
            assert json.loads(content).keys() == listed
        else:
            assert answer is not None, path
            assert content == answer.content
            checked += 1
    assert checked > 20
    assert not any(path.endswith("/password") for path in files)


def test_user_data_is_there_for_clients_of_either_api() -> None:
    files = dict(documents(told(), options(), OCCASION))
    assert files["openstack/latest/user_data"] == files["ec2/latest/user-data"] == USER_DATA
    assert files["openstack/content/0000"] == b"hello\n"


def test_an_instance_that_is_told_nothing_has_its_network_alone() -> None:
    files = dict(documents(untold(), options(), OCCASION))
    assert {path for path in files if path.startswith("openstack/latest/")} == {
        f"openstack/latest/{name}.json"
        for name in ("meta_data", "network_data", "vendor_data", "vendor_data2")
    }
    assert "ec2/latest/user-data" not in files
    assert b"admin_pass" not in files["openstack/latest/meta_data.json"]


def test_static_addresses_are_on_it_as_interfaces_5_has_them() -> None:
    files = dict(documents(told(), flat_options(), OCCASION))
    assert b"iface eth0 inet static" in files["openstack/content/0000"]
    assert files["openstack/content/0001"] == b"hello\n"


def test_a_host_name_is_the_one_that_dns_answers_to() -> None:
    guest = untold()
    view = replace(guest.view, instance=replace(guest.view.instance, hostname="a" * 70))
    bare = replace(flat_options(), dhcp_domain="")
    files = dict(documents(replace(guest, view=view), bare, OCCASION))
    hostname = json.loads(files["openstack/latest/meta_data.json"])["hostname"]
    assert hostname == f"aa-{'a' * 60}"
