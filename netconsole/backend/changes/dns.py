"""Names of floating addresses: the domains that they are in, and the entries.

They are rows of the store, and every dnsmasq of this host answers for them.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import DnsDomain, DnsEntry, DnsScope
from netconsole.backend.store import dns, floating_ips


@dataclass(frozen=True, slots=True)
class CreateDnsDomain(Change[DnsDomain]):
    """Make a domain for names of floating addresses: a public one, or a private one."""

    domain: str
    private: bool = False
    project: str | None = None
    """Only its addresses, and those of none, get names in it."""
    availability_zone: str | None = None
    """Kept, and without effect."""

    @property
    def title(self) -> str:
        return spelled(
            "dns create-domain",
            self.domain,
            private=self.private,
            project=self.project,
            availability_zone=self.availability_zone,
        )

    def write(self, connection: Connection, options: Options) -> Written[DnsDomain]:
        domain = validate.domain("DNS domain", self.domain)
        if domain == options.dhcp_domain.lower():
            raise InvalidValue("DNS domain", domain, "is dhcp_domain, which has instances' names")
        if self.project is not None:
            validate.display_name("project", self.project)
            if self.private:
                raise InvalidValue("project", self.project, "only a public domain has one")
        if self.availability_zone is not None:
            validate.name("availability zone", self.availability_zone)
            if not self.private:
                rule = "only a private domain has one"
                raise InvalidValue("availability zone", self.availability_zone, rule)
        scope: DnsScope = "private" if self.private else "public"
        new = DnsDomain(domain, scope, self.project, self.availability_zone)
        return Written(dns.insert_domain(connection, new))


@dataclass(frozen=True, slots=True)
class DeleteDnsDomain(Change[DnsDomain]):
    """Delete a domain with all names in it."""

    domain: str

    @property
    def title(self) -> str:
        return spelled("dns delete-domain", self.domain)

    def write(self, connection: Connection, options: Options) -> Written[DnsDomain]:
        found = dns.find_domain(connection, validate.domain("DNS domain", self.domain))
        dns.delete_domain(connection, found)
        return Written(found)


@dataclass(frozen=True, slots=True)
class CreateDnsEntry(Change[DnsEntry]):
    """Give a floating address a name; a name that there is leads to this address from now on."""

    address: str
    name: str
    domain: str

    @property
    def title(self) -> str:
        return spelled("dns create", self.address, self.name, self.domain)

    def write(self, connection: Connection, options: Options) -> Written[DnsEntry]:
        address = parse_address("floating address", self.address)
        name, domain = _checked(self.name, self.domain)
        within = dns.find_domain(connection, domain)
        owner = floating_ips.find(connection, address).project_id
        if None not in (owner, within.project_id) and owner != within.project_id:
            raise Conflict(
                f"floating address {address} is allocated to project {owner!r}, "
                f"DNS domain {domain!r} is of project {within.project_id!r}: "
                f"{command('dns', 'domains')} shows the other domains"
            )
        return Written(dns.put(connection, DnsEntry(0, name, domain, address)))


@dataclass(frozen=True, slots=True)
class DeleteDnsEntry(Change[DnsEntry]):
    """Delete a name of a floating address."""

    domain: str
    name: str

    @property
    def title(self) -> str:
        return spelled("dns delete", self.domain, self.name)

    def write(self, connection: Connection, options: Options) -> Written[DnsEntry]:
        name, domain = _checked(self.name, self.domain)
        dns.find_domain(connection, domain)
        return Written(dns.delete(connection, name, domain))


def _checked(name: str, domain: str) -> tuple[str, str]:
    """Check a name alone, then with its domain, and answer both; raises InvalidValue."""
    domain = validate.domain("DNS domain", domain)
    whole = validate.domain("DNS name", f"{name}.{domain}")
    return whole.removesuffix(f".{domain}"), domain
