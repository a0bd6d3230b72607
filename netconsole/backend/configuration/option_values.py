"""What the options are worth: references followed, lists divided, every value checked.

References (`$my_ip`), lists and options given several times are read by oslo.config, as nova read
them; where each value comes from is kept beside it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from netconsole.backend.configuration import option_rules as rules
from netconsole.backend.configuration.option_files import Assignment
from netconsole.backend.configuration.option_rules import DEFAULT_SECTION, Option
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.secret import HIDDEN

if TYPE_CHECKING:
    from oslo_config.cfg import ConfigOpts, StrOpt

NO_ADDRESS = "address-unknown-for-lack-of-a-default-route"
"""Stands for `$my_ip` where there is none, so that what refers to it can be told."""

MOST_REFERENCES = 30
"""That an option leads to, by way of others too: what is read has an end, and a short one."""

_NAME = "[A-Za-z_][A-Za-z0-9_.]*"
_REFERENCE = re.compile(rf"\\\$|\$\$|\$(?:(?P<name>{_NAME})|\{{(?P<braced>{_NAME})\}})")


Default = str | list[str] | None
"""An option's default in the words of a file."""


class Values:
    """The values of all options, from the assignments of all files in their order."""

    def __init__(
        self,
        declared: Mapping[str, Option],
        defaults: Mapping[str, Default],
        assignments: Sequence[Assignment],
    ) -> None:
        self._declared = declared
        self._given: dict[str, list[Assignment]] = {}
        for each in assignments:
            option = declared.get(each.name)
            if option is not None and each.section == option.section:
                self._given.setdefault(each.name, []).append(each)
        self._parser = self._parsed(defaults)
        others = _others(self._parser, assignments)
        for name, text in others.items():
            self._parser.register_opt(_text_option(name, text))
        self._texts = {
            **{name: (text,) for name, text in others.items()},
            **{_full_name(name, declared): self._words(name, defaults[name]) for name in declared},
        }
        """What each option is given as: all that a reference can lead to."""

    def given(self, name: str) -> Sequence[Assignment]:
        """Return where an option stands: of one that has a single value, the last counts."""
        return self._given.get(name, ())

    def value(self, name: str) -> object:
        """Return an option's value; what is given to a list twice is in it once.

        Raises InvalidValue where it breaks its rule.
        """
        option = self._declared[name]
        what = self._shown(name, option)
        self._refuse_reference(name, what)
        group = self._parser[option.group] if option.group else self._parser
        found: str | list[str] | None = group[name]
        if isinstance(found, list):
            values = tuple(_checked(what, item, option) for item in found if item)
            if rule := option.together(values):
                raise InvalidValue(what, ", ".join(found), rule)
            return tuple(dict.fromkeys(values))
        return None if found is None else _checked(what, found, option)

    def _refuse_reference(self, name: str, what: str) -> None:
        """Refuse references that lead nowhere, back to where they came from, or too far."""
        for followed, (text, reference, way) in enumerate(self._references(name, ())):
            if reference not in self._texts:
                rule = f"refers to ${reference}, an option that is not known here"
                raise InvalidValue(what, self._said(way, text), rule)
            if reference in way:
                raise InvalidValue(what, self._said(way, text), "refers to itself")
            if followed == MOST_REFERENCES:
                rule = f"refers to more than {MOST_REFERENCES} others"
                raise InvalidValue(what, self._said(way, text), rule)

    def _said(self, way: Sequence[str], text: str) -> str:
        """A text that is refused, as it is shown: nothing of a secret, and of what it refers to."""
        hidden = any(self._declared[name].is_secret for name in way if name in self._declared)
        return HIDDEN if hidden else text

    def _references(
        self, name: str, way: tuple[str, ...]
    ) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Each text on the way from an option, what it refers to, and the way there."""
        way = (*way, name)
        for text in self._texts.get(_full_name(name, self._declared), ()):
            for reference in references(text):
                yield text, reference, way
                yield from self._references(reference, way)

    def _shown(self, name: str, option: Option) -> str:
        shown = f"[{option.group}] {name}" if option.group else name
        given = self.given(name)
        return f"{given[-1].place}: {shown}" if given else shown

    def _words(self, name: str, default: Default) -> tuple[str, ...]:
        given = [each.value for each in self.given(name)]
        if given:
            return tuple(given if self._declared[name].repeated else given[-1:])
        if default is None:
            return ()
        return (default,) if isinstance(default, str) else tuple(default)

    def _parsed(self, defaults: Mapping[str, Default]) -> "ConfigOpts":
        """Hand everything to oslo.config, without looking at the values yet."""
        # Imported here because it takes longer than most commands.
        from oslo_config import cfg

        parser = cfg.ConfigOpts()
        for name, option in self._declared.items():
            kind = (
                cfg.ListOpt if option.listed else cfg.MultiStrOpt if option.repeated else cfg.StrOpt
            )
            parser.register_opt(kind(name, default=defaults[name]), option.group)
        parser(args=[], default_config_files=[], default_config_dirs=[], use_env=False)
        for name, given in self._given.items():
            option = self._declared[name]
            texts = [each.value for each in given]
            parser.set_override(name, texts if option.repeated else texts[-1], option.group)
        return parser


def _others(parser: "ConfigOpts", assignments: Sequence[Assignment]) -> dict[str, str]:
    """The options of nova's own that stand in the files: others may refer to them as well.

    Not those by a name that no option of nova's can have: oslo.config keeps a few for itself,
    such as config_file, and the names of its sections.
    """
    kept = {*parser, *parser.disallow_names}
    return {
        each.name: each.value
        for each in assignments
        if each.section == DEFAULT_SECTION
        and each.name not in kept
        and each.name.isidentifier()
        and not each.name.startswith("_")
    }


def _text_option(name: str, default: str) -> "StrOpt":
    from oslo_config.cfg import StrOpt

    return StrOpt(name, default=default)


def _full_name(name: str, declared: Mapping[str, Option]) -> str:
    """What a reference calls an option: database.connection."""
    group = declared[name].group if name in declared else None
    return f"{group}.{name}" if group else name


def references(text: str) -> Iterator[str]:
    """Yield the options that a text refers to: $my_ip and ${my_ip}; `$$` and `\\$` are none."""
    for found in _REFERENCE.finditer(text):
        if name := found["name"] or found["braced"]:
            yield name


def _checked(what: str, value: str, option: Option) -> object:
    if value == NO_ADDRESS and option.rule in (rules.ipv4_address, rules.ipv4_address_or_empty):
        return None
    if NO_ADDRESS in value:
        raise InvalidValue(what, "$my_ip", "is not known: set my_ip, there is no default route")
    try:
        return option.rule(value)
    except ValueError as error:
        shown = HIDDEN if option.is_secret else value
        raise InvalidValue(what, shown, str(error)) from None
