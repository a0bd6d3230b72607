"""Rules of ours that name an interface which has become a port of a bridge or bond. Pure."""

from netconsole.backend.filtering import rule_words
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.diagnostics.parts.links import KernelLink, Links


def enslaved(plan: Plan, links: Links) -> KernelLink | None:
    """Return the interface that rules to be taken away leave by, if it is a port by now; or None.

    The plan has such rules leave by what is above it, as packets do.
    """
    ports = {link.name: link for link in links.links if link.master}
    for step in plan.steps:
        for line in step.lines if isinstance(step, ChangeRules) else ():
            words = rule_words.words(line)
            if words[:1] == ["-D"] and "-o" in words[:-1]:
                port = ports.get(words[words.index("-o") + 1])
                if port is not None:
                    return port
    return None


def said(port: KernelLink) -> str:
    """Return in a sentence what that does to packets."""
    return (
        f"{port.name} is a port of {port.master} now: packets leave by {port.master}, so that "
        f"rules that name {port.name} match none, and an address on {port.name} is dead."
    )


def kept(port: KernelLink) -> str:
    """Return what keeps it so."""
    return (
        f"The rules name {port.master} then. `public_interface = {port.master}` in the "
        "configuration says what is so."
    )
