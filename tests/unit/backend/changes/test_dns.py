"""Names of floating addresses: which are taken, which are refused, and when they go."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import observed_as, options, records, wanted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import a_network, floating

from netconsole.backend.changes.dns import (
    CreateDnsDomain,
    CreateDnsEntry,
    DeleteDnsDomain,
    DeleteDnsEntry,
)
from netconsole.backend.changes.floating import (
    AllocateFloating,
    AssociateFloating,
    DeleteFloating,
    DisassociateFloating,
    ReleaseFloating,
)
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.records import DnsDomain, DnsEntry
from netconsole.backend.plan import plan
from netconsole.backend.steps import ReloadDnsmasq, RemoveFile, StartDnsmasq, WriteFile
from netconsole.backend.store import dns, floating_ips

FIRST, SECOND = "203.0.0.1", "203.0.0.2"
ENTRY = DnsEntry(1, "www", "example.org", "203.0.113.10")


@pytest.fixture
def domain(connection: sa.Connection) -> DnsDomain:
    """A domain of all projects, and two floating addresses of the pool `public`."""
    floating_ips.insert_many(connection, (floating(1), floating(2)))
    return CreateDnsDomain("example.org").write(connection, options()).result


def name(connection: sa.Connection, address: str, name: str = "www") -> DnsEntry:
    return CreateDnsEntry(address, name, "example.org").write(connection, options()).result


def named(connection: sa.Connection) -> list[tuple[str, str]]:
    return [(entry.name, entry.address) for entry in dns.entries(connection)]


def test_a_name_leads_to_one_address_and_an_address_has_many(
    connection: sa.Connection, domain: DnsDomain
) -> None:
    assert domain == DnsDomain("example.org", "public")
    first = name(connection, FIRST, "WWW")
    name(connection, FIRST, "mail.eu")
    assert named(connection) == [("mail.eu", FIRST), ("www", FIRST)]
    moved = name(connection, SECOND)
    assert moved == replace(first, address=SECOND)
    assert named(connection) == [("mail.eu", FIRST), ("www", SECOND)]
    DeleteDnsEntry("Example.ORG", "www").write(connection, options())
    assert named(connection) == [("mail.eu", FIRST)]
    DeleteDnsDomain("example.org").write(connection, options())
    assert (dns.domains(connection), named(connection)) == ((), [])


def test_the_names_of_an_address_go_when_it_is_nobodys(
    connection: sa.Connection, domain: DnsDomain
) -> None:
    a_network(connection)
    AllocateFloating("demo", "public").write(connection, options())
    name(connection, FIRST)
    CreateInstance("web1", "demo").write(connection, options())
    AssociateFloating(FIRST, "web1").write(connection, options())
    DisassociateFloating(FIRST).write(connection, options())
    assert named(connection) == [("www", FIRST)], "it is still the project's"
    ReleaseFloating(FIRST).write(connection, options())
    assert named(connection) == []
    name(connection, SECOND)
    DeleteFloating("203.0.0.0/30").write(connection, options())
    assert named(connection) == []


def test_the_names_of_an_automatic_address_go_with_its_instance(
    connection: sa.Connection, domain: DnsDomain
) -> None:
    a_network(connection)
    automatic = replace(options(auto_assign_floating_ip=True), default_floating_pool="public")
    CreateInstance("web1", "demo").write(connection, automatic)
    name(connection, FIRST)
    DeleteInstance("web1").write(connection, automatic)
    assert named(connection) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (CreateDnsDomain("under_score.org"), "DNS domain 'under_score.org': must be a domain"),
        (CreateDnsDomain("a..org"), "DNS domain 'a..org'"),
        (CreateDnsDomain("-a.org"), "DNS domain '-a.org'"),
        (CreateDnsDomain("10.0.0.1"), "no number last"),
        (CreateDnsDomain(f"{'a' * 64}.org"), "at most 63 between dots"),
        (CreateDnsDomain(".".join(["a" * 63] * 4)), "at most 253"),
        (CreateDnsDomain("NovaLocal"), "DNS domain 'novalocal': is dhcp_domain"),
        (CreateDnsDomain("a.org", private=True, project="p"), "project 'p': only a public domain"),
        (
            CreateDnsDomain("a.org", availability_zone="z"),
            "availability zone 'z': only a private domain",
        ),
        (CreateDnsDomain("a.org", project=" b"), "project ' b'"),
        (CreateDnsEntry("fd00::1", "www", "example.org"), "floating address 'fd00::1'"),
        (CreateDnsEntry(FIRST, "w w", "example.org"), "DNS name 'w w.example.org'"),
        (CreateDnsEntry(FIRST, "", "example.org"), "DNS name '.example.org'"),
        (CreateDnsEntry(FIRST, "*", "example.org"), "DNS name '*.example.org'"),
        (DeleteDnsEntry("example.org", "a b"), "DNS name 'a b.example.org'"),
        (DeleteDnsDomain("a b"), "DNS domain 'a b'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_value_and_the_rule(
    connection: sa.Connection,
    domain: DnsDomain,
    change: CreateDnsDomain | CreateDnsEntry | DeleteDnsEntry | DeleteDnsDomain,
    words: str,
) -> None:
    with pytest.raises(InvalidValue) as refused:
        change.write(connection, options())
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert (dns.domains(connection), named(connection)) == ((domain,), [])


def test_what_is_not_there_or_taken_is_refused(
    connection: sa.Connection, domain: DnsDomain
) -> None:
    with pytest.raises(Conflict, match=r"DNS domain: domain 'example\.org' is taken"):
        CreateDnsDomain("EXAMPLE.org", private=True).write(connection, options())
    with pytest.raises(NotFound, match=r"DNS domain 'a\.org' does not exist"):
        CreateDnsEntry(FIRST, "www", "a.org").write(connection, options())
    with pytest.raises(NotFound, match=r"floating address 10\.0\.0\.2 does not exist"):
        name(connection, "10.0.0.2")
    with pytest.raises(NotFound, match=r"DNS domain 'example\.org' has no name 'ftp'"):
        DeleteDnsEntry("example.org", "ftp").write(connection, options())
    CreateDnsDomain("p.org", project="p").write(connection, options())
    AllocateFloating("demo", "public").write(connection, options())
    with pytest.raises(Conflict, match="is allocated to project 'demo'"):
        CreateDnsEntry(FIRST, "www", "p.org").write(connection, options())
    assert CreateDnsEntry(SECOND, "www", "p.org").write(connection, options()).result


@given(st.text(max_size=300) | st.text("ab-.1\n ", max_size=30))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_text_breaks_out_of_its_line_of_the_hosts_file(text: str) -> None:
    found, refusal = checked(text)
    assert len(refusal.splitlines()) <= 1
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def checked(text: str) -> tuple[str, str]:
    """The text as a domain, or why it is none."""
    try:
        return validate.domain("DNS name", text), ""
    except InvalidValue as refused:
        return "", str(refused)


NAMED = replace(records(), dns_entries=(ENTRY,))
NAMES_FILE = "/var/lib/netconsole/networks/nova-br100.names"


def kinds(observed: Observed, goal: Wanted) -> list[str]:
    return [type(step).__name__ for step in plan(observed, goal).steps]


def test_the_first_name_restarts_dnsmasq_the_next_only_reloads_it() -> None:
    goal = wanted(NAMED)
    steps = plan(observed_as(wanted(records())), goal).steps
    (written,) = (step for step in steps if isinstance(step, WriteFile))
    assert (written.path, written.content) == (NAMES_FILE, "203.0.113.10\twww.example.org\n")
    (started,) = (step for step in steps if isinstance(step, StartDnsmasq))
    assert f"--addn-hosts={NAMES_FILE}" in started.argv
    more = replace(NAMED, dns_entries=(ENTRY, replace(ENTRY, name="ftp")))
    assert kinds(observed_as(goal), wanted(more)) == [WriteFile.__name__, ReloadDnsmasq.__name__]


def test_with_the_last_name_its_file_goes_and_nothing_is_left() -> None:
    there = observed_as(wanted(NAMED))
    goal = wanted(records())
    (removed,) = (step for step in plan(there, goal).steps if isinstance(step, RemoveFile))
    assert removed.path == NAMES_FILE
    assert kinds(there, wanted(NAMED)) == []
    assert kinds(observed_as(goal), goal) == []
