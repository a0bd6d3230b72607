"""Steps on links and their addresses."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal

from netconsole.backend.steps.kernel import SetSysctl
from netconsole.backend.steps.step import Argv, ProgramStep, Step, Thing, argv, given

LinkAttribute = Literal[
    "up",
    "master",
    "mtu",
    "mac",
    "hairpin",
    "group_fwd_mask",
    "forward_delay",
    "nf_call_iptables",
    "nf_call_ip6tables",
    "alias",
]


@dataclass(frozen=True, slots=True)
class _LinkStep(ProgramStep):
    name: str
    kind: str
    alias: str
    mac: str = ""
    peer: str = ""
    peer_mac: str = ""
    forward_delay: int | None = None
    parent: str = ""
    vlan: int | None = None


@dataclass(frozen=True, slots=True)
class AddLink(_LinkStep):
    """Create a bridge, a VLAN device, a tap or a veth pair (ip-link(8)).

    The kernel takes no alias at creation: the mark that it is ours is a step of its own.
    """

    @property
    def argvs(self) -> tuple[Argv, ...]:
        if self.kind == "tap":
            return (argv("ip", "tuntap", "add", "dev", self.name, "mode", "tap"),)
        named = ("name", self.name, *given("address", self.mac))
        if self.kind == "veth":
            peer = ("peer", "name", self.peer, *given("address", self.peer_mac))
            return (argv("ip", "link", "add", *named, "type", "veth", *peer),)
        if self.kind == "vlan":
            tagged = ("type", "vlan", "id", self.vlan)
            return (argv("ip", "link", "add", "link", self.parent, *named, *tagged),)
        delay = given("forward_delay", self.forward_delay)
        return (argv("ip", "link", "add", *named, "type", self.kind, *delay),)

    @property
    def inverse(self) -> Step:
        return RemoveLink(**asdict(self))

    @property
    def makes(self) -> tuple[Thing, ...]:
        return (("link", self.name),)

    @property
    def needs(self) -> tuple[Thing, ...]:
        return (("link", self.parent),)


@dataclass(frozen=True, slots=True)
class RemoveLink(_LinkStep):
    """Delete a link of ours."""

    attributes: tuple[tuple[LinkAttribute, str, str], ...] = ()
    """What it has beside what it is made with, and what it is made with instead, in the order in
    which it gets that again."""
    settings: tuple[tuple[str, str, str], ...] = ()
    """Kernel settings of it that are not those of a new one, and what those are."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (argv("ip", "link", "delete", "dev", self.name),)

    @property
    def inverse(self) -> Step | None:
        if self.kind == "veth" and not self.peer:
            return None  # the guest's end had moved away: nobody knows where to
        made_with = {field.name for field in fields(AddLink)}
        made = {name: value for name, value in asdict(self).items() if name in made_with}
        return AddLink(**made)

    @property
    def dressing(self) -> tuple[Step, ...]:
        """The steps that make a link what it was, once it is there again."""
        return (
            *(
                SetLink(self.name, *attribute, kind=self.kind, subjects=self.subjects)
                for attribute in self.attributes
            ),
            *(SetSysctl(*setting, subjects=self.subjects) for setting in self.settings),
        )


MOST_PORTS = 1023
"""Of a bridge: BR_MAX_PORTS less number 0, which none gets (net/bridge/br_private.h)."""


@dataclass(frozen=True, slots=True)
class SetLink(ProgramStep):
    """Change one attribute of a link."""

    name: str
    attribute: LinkAttribute
    value: str
    former: str
    kind: str = field(default="", compare=False)
    """Of the link, as `ip link` names it."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        link = ("ip", "link", "set", "dev", self.name)
        match self.attribute:
            case "up":
                return (argv(*link, "up" if self.value == "1" else "down"),)
            case "master" if not self.value:
                return (argv(*link, "nomaster"),)
            case "master" | "mtu" | "alias":
                return (argv(*link, self.attribute, self.value),)
            case "mac":
                return (argv(*link, "address", self.value),)
            case "forward_delay" | "nf_call_iptables" | "nf_call_ip6tables":
                return (argv(*link, "type", "bridge", self.attribute, self.value),)
            case "hairpin":
                state = "on" if self.value == "1" else "off"
                return (argv(*link, "type", "bridge_slave", "hairpin", state),)
            case "group_fwd_mask":
                mask = f"{int(self.value):#x}"
                return (argv(*link, "type", "bridge_slave", "group_fwd_mask", mask),)

    @property
    def inverse(self) -> Step | None:
        if not self.former and self.attribute not in ("master", "alias"):
            return None  # what it was is not known
        return replace(self, value=self.former, former=self.value)

    @property
    def needs(self) -> tuple[Thing, ...]:
        master = self.value if self.attribute == "master" else ""
        return ("link", self.name), ("link", master)

    def stands_with(self, former: Step) -> bool:
        """Whether it marks the link just made, which would be a stranger's without the mark."""
        is_mark = self.attribute == "alias"
        return is_mark and isinstance(former, AddLink) and former.name == self.name


@dataclass(frozen=True, slots=True)
class _AddressStep(ProgramStep):
    interface: str
    address: str
    broadcast: str = ""
    scope: str = ""

    @property
    def needs(self) -> tuple[Thing, ...]:
        return (("link", self.interface),)

    def _argvs(self, verb: str) -> tuple[Argv, ...]:
        words = (*given("broadcast", self.broadcast), *given("scope", self.scope))
        return (argv("ip", "address", verb, self.address, *words, "dev", self.interface),)


@dataclass(frozen=True, slots=True)
class AddAddress(_AddressStep):
    """Put an address on an interface (ip-address(8))."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return self._argvs("add")

    @property
    def inverse(self) -> Step:
        return RemoveAddress(**asdict(self))


@dataclass(frozen=True, slots=True)
class RemoveAddress(_AddressStep):
    """Take an address off an interface."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return self._argvs("delete")

    @property
    def inverse(self) -> Step:
        return AddAddress(**asdict(self))


@dataclass(frozen=True, slots=True)
class AnnounceAddress(ProgramStep):
    """Tell the neighbours which interface has an address: a gratuitous ARP (RFC 5227 section 3)."""

    interface: str
    address: str
    count: int = 1

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (argv("arping", "-U", "-c", self.count, "-I", self.interface, self.address),)

    @property
    def needs(self) -> tuple[Thing, ...]:
        return (("link", self.interface),)
