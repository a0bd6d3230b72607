"""Host names: what nova made of display names, and always something that dnsmasq takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.model import validate
from netconsole.backend.model.hostnames import hostname
from netconsole.backend.wording import dhcp


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("web1", "web1"),
        ("WEB1", "web1"),
        ("my_vm", "my-vm"),
        ("Windows 2012 R2", "windows-2012-r2"),
        ("db.example.org", "db.example.org"),
        ("-_web1_-", "web1"),
        ("a..b", "a.b"),
        ("Prüfstand (alt), 50%", "prfstand-alt-50"),
        ("web\u202f1", "web1"),
        ("東京", "server-7"),
        ("...", "server-7"),
    ],
)
def test_host_names_are_made_as_nova_made_them(name: str, made: str) -> None:
    assert hostname(name, "server-7") == made


@given(st.text(max_size=300))
def test_any_name_makes_a_host_name(name: str) -> None:
    told = dhcp.hostname(hostname(name, "server-7"))
    assert validate.domain("host name", f"{told}.novalocal")
