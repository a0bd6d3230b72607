"""The way back: what takes begun steps back without touching what is not theirs. Pure.

A step that was begun may have happened or not, and an admin may have been at the host since. So
the way back is held against what the host holds by then: what is gone is not taken back again,
and what has become another's is left alone, with a line that says so.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netconsole.backend.model.hoststate import Address, ObservedLink
from netconsole.backend.model.kernel_settings import interface_of
from netconsole.backend.steps import (
    AddAddress,
    AddLink,
    LinkAttribute,
    RemoveAddress,
    RemoveFile,
    RemoveLink,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    WriteFile,
)

_LEASE_FILE = "--dhcp-leasefile="


def way_back(begun: Iterable[Step], *, rebooted: bool) -> tuple[Step, ...]:
    """Return the inverse steps, the last first.

    Of a kernel that is gone nothing is left but the files, and steps may be there to stay. What was
    done to a link that goes again goes with it, but for a port's way out of its bridge: that comes
    before its guard is taken away.
    """
    inverse = tuple(
        each
        for step in reversed(tuple(begun))
        if (step.lasts or not rebooted) and not step.stays
        for each in _inverse(step)
    )
    going = {step.name for step in inverse if isinstance(step, RemoveLink)}
    return tuple(step for step in inverse if not _is_on(step, going))


def _inverse(step: Step) -> tuple[Step, ...]:
    back = step.inverse
    dressing = step.dressing if isinstance(step, RemoveLink) else ()
    return () if back is None else (back, *dressing)


def _is_on(step: Step, links: Collection[str]) -> bool:
    match step:
        case SetLink():
            return step.name in links and step.attribute != "master"
        case AddAddress() | RemoveAddress():
            return step.interface in links
        case SetSysctl():
            return interface_of(step.key) in links
    return False


def given_away(begun: Iterable[Step]) -> frozenset[str]:
    """Return the files that someone else writes from then on: a dnsmasq the leases that it
    gives."""
    return frozenset(
        word.removeprefix(_LEASE_FILE)
        for step in begun
        if isinstance(step, StartDnsmasq)
        for word in step.argv
        if word.startswith(_LEASE_FILE)
    )


def changed_since(step: Step, content: str | None) -> bool:
    """Whether a file is another one by now than the step back would put right."""
    match step:
        case RemoveFile():
            return content not in (None, step.former)
        case WriteFile():
            return content not in (step.content, step.former)
    return False


@dataclass(slots=True)
class Standing:
    """What stands of steps on links and addresses, as the way back is gone."""

    links: Mapping[str, ObservedLink]
    addresses: Iterable[Address]
    left: list[str] = field(default_factory=list)
    """What is not taken back, a line each."""
    _places: set[tuple[str, str]] = field(init=False)
    _made: set[str] = field(default_factory=set)
    """Links that are made on the way."""
    _set: dict[tuple[str, LinkAttribute], str] = field(default_factory=dict)
    """Attributes that are put right on the way, by link."""

    def __post_init__(self) -> None:
        self._places = {(found.interface, found.address) for found in self.addresses}

    def needed(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Return those steps of the way back, in their order, that still have something to take
        back."""
        return (step for step in steps if self._is_needed(step))

    def _is_needed(self, step: Step) -> bool:
        match step:
            case AddLink():
                missing = step.name not in self.links
                self._made |= {step.name} if missing else set()
                return missing
            case RemoveLink():
                return self._is_removed(step)
            case SetLink():
                return self._is_set(step)
            case RemoveAddress():
                place = (step.interface, step.address)
                stands = place in self._places
                self._places.discard(place)
                return stands
            case AddAddress():
                place = (step.interface, step.address)
                missing = place not in self._places and step.interface in self.links
                self._places.add(place)
                return missing
        return True

    def _is_removed(self, step: RemoveLink) -> bool:
        link = self.links.get(step.name)
        if link is None:
            return False
        if link.ours or self._is_as_made(link, step):
            return True
        self.left.append(f"{step.name} was made, or taken into use, by someone else: left alone")
        return False

    def _is_as_made(self, link: ObservedLink, step: RemoveLink) -> bool:
        """Whether a link without a mark is one that AddLink has just made: nobody uses it.

        A tap is given its MAC address later.
        """
        made_mac = "" if step.kind == "tap" else step.mac
        return (
            (link.kind, link.alias, link.up, link.master) == (step.kind, "", False, None)
            and made_mac in ("", link.mac)
            and not any(other.master == link.name for other in self.links.values())
            and not any(interface == link.name for interface, _ in self._places)
        )

    def _is_set(self, step: SetLink) -> bool:
        link = self.links.get(step.name)
        if link is None or step.name in self._made:
            return step.name in self._made
        now = self._set.get((step.name, step.attribute), attribute(link, step.attribute))
        of_ports = ("hairpin", "group_fwd_mask")
        if step.attribute in of_ports and self._set.get((step.name, "master")):
            now = "0"  # as of each that has just become a port
        if now == step.value:
            return False
        if now != step.former:
            shown = now or "nothing"
            self.left.append(
                f"{step.name}: its {step.attribute} is {shown} by now, not {step.former}: left so"
            )
            return False
        self._set[step.name, step.attribute] = step.value
        return True


def attribute(link: ObservedLink, name: LinkAttribute) -> str:
    """Return an attribute of a link as a step words it."""
    value = getattr(link, name)
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)
