"""Titles: a change as it is typed, by which audit log, history and dialogs call it. Pure."""

from collections.abc import Iterator
from shlex import quote

OptionValue = str | int | bool | tuple[str, ...] | None


def spelled(verb: str, *arguments: str, **options: OptionValue) -> str:
    """Return the command, without `netconsole`: `floating associate 203.0.113.9 web1 --move`.

    An option that is None, False or empty is left out; True is an option without a value.
    """
    given = [word for name, value in options.items() for word in _option(name, value)]
    if any(argument.startswith("-") for argument in arguments):
        return " ".join((verb, *given, "--", *map(quote, arguments)))
    return " ".join((verb, *map(quote, arguments), *given))


def _option(name: str, value: OptionValue) -> Iterator[str]:
    option = f"--{name.replace('_', '-')}"
    if value is True:
        yield option
    elif isinstance(value, tuple):
        for each in value:
            yield f"{option} {quote(each)}"
    elif value is not None and value is not False:
        yield f"{option} {quote(str(value))}"
