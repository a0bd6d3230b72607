"""What files say of reverse-path filtering at the next boot, where that differs from now."""

from collections.abc import Iterator
from dataclasses import dataclass

from netconsole.diagnostics.model.finding import AT_BOOT, Confidence, Evidence, Finding
from netconsole.diagnostics.parts.drop_ins import DropInAssignment
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.reverse_path import Case, asymmetric, key, setting_name
from netconsole.diagnostics.reasoning.route_lookup import EVERYWHERE, in_words, network_of

STRICT, LOOSE = 1, "2"


@dataclass(frozen=True, slots=True)
class _Strict:
    """An interface whose filter is strict from the next boot on, and was not until now."""

    interface: str
    line: DropInAssignment
    """The line that makes it so."""
    source: str
    """Whose packets come in there, or may, and are answered by another interface."""
    returns_by: str
    certain: bool
    """Whether the source is known to use that interface."""
    why: str


def strict_at_boot(case: Case, check: str, title: str) -> Finding | None:
    """Return a warning of packets that are let in now, and no more once the host has started."""
    found = next(iter(_strict(case)), None)
    if found is None:
        return None
    name, line = found.interface, found.line
    persist, permanence = case.drop_ins.make_permanent({key(name): LOOSE})
    because = (
        f"At the next boot {line.place} makes the filter at {name} strict "
        f"({line.pattern.replace('/', '.')} = {line.value}); now it is {case.in_force(name)}. "
        f"Packets from {found.source} that come in at {name} are dropped from then on, as they are "
        f"answered through {found.returns_by}."
    )
    rows = (
        Evidence(f"in force at {name}", case.in_force(name), "", "now"),
        Evidence(f"{name} from the next boot on", "1 (strict)", "2 (loose)", line.place),
        Evidence(f"answered through {found.returns_by}", found.source, note=found.why),
        Evidence(AT_BOOT, permanence),
    )
    remedy = (
        f"Write `{setting_name(name)} = 2` into a file that is read after {line.file}, or change "
        f"that line in {line.file}: the last one counts."
    )
    confidence: Confidence = "certain" if found.certain else "likely"
    return Finding(
        check, title, "warn", because, rows, persist=persist, remedy=remedy, confidence=confidence
    )


def _strict(case: Case) -> Iterator[_Strict]:
    """Those of sources that are known come first."""
    changing = [
        (interface, line)
        for interface in case.paths.interfaces
        if case.effective(interface.name) != STRICT
        and (line := _line(case, interface.name)) is not None
    ]
    for interface, line in changing:
        for path in asymmetric(interface):
            why = f"known as {path.known_as}"
            yield _Strict(interface.name, line, path.source, path.returns_by, True, why)
    routing = case.snapshot.get(Routing) or Routing()
    world = {
        each.interface
        for each in routing.routes
        if each.table == "main" and each.gateway and network_of(each.destination) == EVERYWHERE
    }
    for interface, line in changing:
        for route in routing.routes if interface.name in world else ():
            aside = route.gateway and route.interface and route.interface not in world
            if aside and route.table == "main" and route.kind == "unicast":
                yield _Strict(
                    *(interface.name, line, route.destination, route.interface, False),
                    in_words(route),
                )


def _line(case: Case, interface: str) -> DropInAssignment | None:
    """Return the line by which the filter there is strict at boot; None where it is not."""
    lines = [
        case.drop_ins.setter(key("all")),
        case.drop_ins.setter(key(interface)) or case.drop_ins.setter(key("default")),
    ]
    values = [line.value for line in lines if line is not None]
    if LOOSE in values or str(STRICT) not in values:
        return None
    return next(line for line in reversed(lines) if line is not None and line.value == str(STRICT))
