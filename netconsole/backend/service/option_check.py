"""What there is to remark about a configuration: names that nobody knows, values that break a rule.

Pure, but for the files that a Configuration has read and for what a value names on this host.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.configuration import nova_options
from netconsole.backend.configuration.loading import Configuration
from netconsole.backend.configuration.option_files import Assignment
from netconsole.backend.configuration.option_rules import DEFAULT_SECTION
from netconsole.backend.configuration.option_values import references
from netconsole.backend.host import option_facts
from netconsole.backend.intent import touches_nothing
from netconsole.backend.model.spelling import nearest
from netconsole.backend.model.text import visible, without_password
from netconsole.backend.store import database

Kind = Literal["refused", "unknown", "misplaced", "without effect", "on this host"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know about a configuration.

    `on this host` is a value that names what this host does not have, or not as it should be.
    """

    kind: Kind
    text: str
    """A line that names the place, the option and what is the matter."""
    is_wrong: bool = True
    """Whether there is something to mend: nova's own options may stay where they are."""


def remarks(configuration: Configuration) -> tuple[Remark, ...]:
    """Return everything there is to remark: refused values, then the files line by line."""
    refused = tuple(Remark("refused", str(error)) for error in configuration.refused())
    here = () if refused else _on_this_host(configuration)
    return (*refused, *here, *_of_lines(configuration))


def _on_this_host(configuration: Configuration) -> Iterator[Remark]:
    """What the values name and this host does not have; of a default it is no fault."""
    options = configuration.options()
    if touches_nothing(options):
        return
    rules = {"connection": database.unusable(options.connection), **option_facts.rules(options)}
    for each in configuration.settings():
        if rules.get(each.name):
            said = f"{each.origin}: [{each.group or DEFAULT_SECTION}] {each.name}"
            value = visible(str(without_password(each.value)))
            text = f"{said} {value!r}: {rules[each.name]}"
            yield Remark("on this host", text, is_wrong=each.origin != "default")


def _of_lines(configuration: Configuration) -> Iterator[Remark]:
    referred_to = {name for each in configuration.assignments for name in references(each.value)}
    for each in configuration.assignments:
        option = configuration.declared.get(each.name)
        if option is not None and option.section == each.section:
            continue
        if each.section not in (DEFAULT_SECTION, "database"):
            yield _of_section(configuration, each)
        elif option is not None:
            yield _misplaced(each, option.section)
        elif each.section == "database" or each.name in nova_options.WITHOUT_EFFECT:
            yield Remark(
                "without effect",
                f"{_place(each)}: is nova's, and has no effect here",
                is_wrong=False,
            )
        elif each.name not in referred_to:
            yield _unknown(configuration, each)


def _of_section(configuration: Configuration, each: Assignment) -> Remark:
    """An option in a section that has none of ours: nova's, or one that is spelled wrong."""
    if each.section in nova_options.SECTIONS:
        return Remark(
            "without effect", f"{_place(each)}: is nova's, and has no effect here", is_wrong=False
        )
    option = configuration.declared.get(each.name)
    if option is not None:
        return _misplaced(each, option.section)
    sections = (DEFAULT_SECTION, *sorted(nova_options.SECTIONS))
    meant = _meant(each.section, sections)
    return Remark("unknown", f"{_place(each)}: there is no section of that name{meant}")


def _misplaced(each: Assignment, section: str) -> Remark:
    return Remark("misplaced", f"{_place(each)}: has no effect here, it belongs in [{section}]")


def _unknown(configuration: Configuration, each: Assignment) -> Remark:
    known = (*configuration.declared, *sorted(nova_options.WITHOUT_EFFECT))
    return Remark(
        "unknown", f"{_place(each)}: there is no option of that name{_meant(each.name, known)}"
    )


def _place(each: Assignment) -> str:
    return f"{each.place}: [{each.section}] {each.name}"


def _meant(name: str, known: tuple[str, ...]) -> str:
    found = nearest(name, known)
    return f"; did you mean {found}?" if found else ""
