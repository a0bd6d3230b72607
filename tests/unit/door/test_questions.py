"""The questions: said once, and answered by the service under the same names."""

from inspect import Parameter, signature

import pytest

from netconsole.backend.service.service import Service
from netconsole.door.door import Door
from netconsole.door.local import LocalDoor
from netconsole.door.questions import QUESTIONS, HostQuestion, Questions

OF_THE_DOOR = frozenset({"findings", "plan", "admissions", "guest_requests"})
"""What a local door puts together itself."""


def shape(method: object) -> list[tuple[str, object, bool]]:
    assert callable(method)
    _, *parameters = signature(method).parameters.values()
    return [(each.name, each.default, each.kind is Parameter.KEYWORD_ONLY) for each in parameters]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.name)
def test_the_service_answers_each_as_it_is_asked(question: HostQuestion) -> None:
    if question.name not in OF_THE_DOOR:
        asked = getattr(Questions, question.name)
        assert shape(asked) == shape(getattr(Service, question.name))


def test_both_doors_do_what_a_door_does() -> None:
    from netconsole.door.remote import RemoteDoor

    assert issubclass(LocalDoor, Door)
    assert not LocalDoor.__abstractmethods__
    assert not RemoteDoor.__abstractmethods__
    for kind in (LocalDoor, RemoteDoor):
        for name in ("preview", "do", "undo", "preview_undo", "subscribe"):
            wanted, there = shape(getattr(Door, name)), shape(getattr(kind, name))
            assert there[: len(wanted)] == wanted
