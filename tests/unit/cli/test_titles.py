"""What the audit log says was done can be typed: every change is read back from its title."""

import pkgutil
import shlex
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from typing import get_type_hints
from unittest.mock import patch

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netconsole.backend import changes
from netconsole.backend.changes import Change
from netconsole.backend.changes.attachment import Attachment, attached
from netconsole.backend.changes.guest_details import GuestDetails, GuestRemovals
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.model.guest_data import SINGLE
from netconsole.backend.model.text import decoded
from netconsole.cli import guest_options
from netconsole.cli.frame import attachments
from netconsole.cli.frame.changing import Doer
from netconsole.cli.main import root

OTHERWISE = frozenset(
    {
        *("Adopt", "ApplyFix", "Converge", "ImportNova", "Repair", "TakeBack"),
        "SetGuestPassword",
    }
)
"""What is not made of its arguments alone: a plan, a database, an answer to a question; what the
agent does by itself, and what a guest does."""


def _every(base: type[object]) -> Iterator[type[object]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _every(kind)


for _module in pkgutil.iter_modules(changes.__path__):
    import_module(f"{changes.__name__}.{_module.name}")
# dataclass(slots=True) makes a class anew; the last of a name is the one that is used.
KINDS: dict[str, type] = {
    kind.__name__: kind for kind in _every(Change) if kind.__name__ not in OTHERWISE
}

TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1)
ARGUMENTS = st.one_of(TEXT, st.sampled_from(["-x", "--move", "a b", "it's", "$HOME", "*", "ä"]))


CONTENT = b"what a file holds"


def typed(title: str) -> Change[object]:
    """What the command line would carry out."""
    done: list[Change[object]] = []
    carrying_out = patch.object(
        Doer, "carry_out", lambda _, change, *__, **___: done.append(change)
    )
    reading = (
        patch.object(module, "contents", lambda *_: CONTENT)
        for module in (attachments, guest_options)
    )
    with carrying_out, next(reading), next(reading):
        root.main(shlex.split(title), "netconsole", standalone_mode=False)
    return done[0]


NEEDED = {"fixed_range_v4": ARGUMENTS, "root": st.sampled_from(["/srv/image 1", "/-x"])}
"""Arguments that the command line asks for where the change would refuse their absence."""


PLACES = st.sampled_from(["user data", "-x", "a=b", "it's"])
"""Files of an admin, whose contents `contents` stands for."""
FILES = PLACES.map(lambda name: attached(name, CONTENT))
NAMES = TEXT.filter(lambda name: "=" not in name)
OF_FILES = {
    Attachment: FILES,
    GuestDetails: st.builds(
        GuestDetails,
        user_data=st.none() | FILES,
        keys=st.dictionaries(NAMES, st.none() | FILES, max_size=3),
        meta=st.dictionaries(NAMES, TEXT, max_size=3),
        files=st.dictionaries(NAMES, FILES, max_size=3),
        **dict.fromkeys(("image", "kernel", "ramdisk", "flavor"), st.none() | ARGUMENTS),
        admin_password=st.none() | st.just(decoded(CONTENT)),
    ),
    GuestRemovals: st.builds(
        GuestRemovals,
        single=st.sets(st.sampled_from(SINGLE)).map(
            lambda asked: tuple(each for each in SINGLE if each in asked)
        ),
    ),
}
"""What is read of files: a title has their names alone."""


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=25)
@given(data=st.data())
def test_every_title_is_read_back_into_its_change(name: str, data: st.DataObject) -> None:
    st.register_type_strategy(str, ARGUMENTS)
    hints = get_type_hints(KINDS[name])
    arguments = {
        field.name: NEEDED.get(field.name, st.from_type(hints[field.name]))
        for field in fields(KINDS[name])
    }
    for field, kind in hints.items():
        if kind in OF_FILES:
            arguments[field] = OF_FILES[kind]
    if name == "InjectInstance":
        arguments["config_drive"] = st.one_of(st.none(), st.just("/srv/drive.iso"))
    change = data.draw(st.builds(KINDS[name], **arguments))
    assert typed(change.title) == change


def test_every_argument_of_a_network_is_an_option() -> None:
    context = click.Context(root)
    network = root.get_command(context, "network")
    assert isinstance(network, click.Group)
    create = network.get_command(context, "create")
    assert create is not None
    assert set(CreateNetwork.__dataclass_fields__) <= {each.name for each in create.params}
