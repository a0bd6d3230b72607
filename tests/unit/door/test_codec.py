"""The codec: what is sent arrives as it was, and what nobody of ours would send is refused."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_samples import SAMPLES

from netconsole.backend.changes import Change
from netconsole.backend.changes.networks import DeleteNetwork
from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import InvalidValue, NetconsoleError
from netconsole.backend.plan.agreement import PlanChanged, Preview
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.takeover.rows import NovaRows
from netconsole.door.answers import Unintelligible, value_of
from netconsole.door.codec import change_of, change_types, document_of, plan_of, told_change
from netconsole.door.failures import KINDS, error_of, told_error
from netconsole.door.questions import QUESTIONS

STEPS = tuple(step for step, _ in SAMPLES)
st.register_type_strategy(Plan, st.lists(st.sampled_from(STEPS)).map(lambda s: Plan(tuple(s))))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
st.register_type_strategy(NovaRows, st.just(NovaRows()))


def sent(value: object) -> Any:
    return document_of(as_line(value).encode())


@pytest.mark.parametrize("kind", change_types().values(), ids=lambda kind: kind.__name__)
def test_every_change_arrives_as_it_was_sent(kind: type[Change[Any]]) -> None:
    assert is_dataclass(kind)

    @given(st.builds(kind, **{field.name: ... for field in fields(kind)}))
    @settings(max_examples=10)
    def arrives(change: Change[Any]) -> None:
        told = sent(told_change(change))
        assert change_of(told["change"], told["arguments"]) == change

    arrives()


def test_every_change_there_is_has_a_name_of_its_own() -> None:
    def every(kind: type[Any]) -> Iterator[type[Any]]:
        for one in kind.__subclasses__():
            yield from (one, *every(one))

    assert {each.__name__ for each in every(Change)} == change_types().keys()
    assert DeleteNetwork in change_types().values()


def test_every_step_arrives_as_it_was_sent() -> None:
    plan = Plan(STEPS)
    assert plan_of(sent(plan)) == plan
    assert value_of(Plan, sent(plan)) == plan
    preview = Preview(STEPS, ("a note",))
    assert value_of(Preview, sent(preview)) == preview


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.name)
def test_every_answer_has_a_type_that_is_known_where_it_says(question: Any) -> None:
    assert question.answer_type is not None
    assert question.says


def test_every_error_is_the_same_again() -> None:
    plan = Plan((SetSysctl("net.ipv4.ip_forward", "0", "1"),))
    changed = PlanChanged("apply", Plan(), plan)
    changed.add_note("a note")
    again = error_of(sent(told_error(changed))["error"])
    assert isinstance(again, PlanChanged)
    assert (str(again), again.now, again.difference) == (str(changed), plan, changed.difference)
    assert again.__notes__ == ["a note"]
    for error in (InvalidValue("name", "x", "must be y"), NetconsoleError("no")):
        again = error_of(sent(told_error(error))["error"])
        assert (type(again), str(again)) == (type(error), str(error))
        assert again.exit_status == error.exit_status


def test_an_error_of_another_kind_is_the_nearest_that_both_ends_know() -> None:
    def every(kind: type[NetconsoleError]) -> Iterator[type[NetconsoleError]]:
        for one in kind.__subclasses__():
            yield from (one, *every(one))

    change_types()
    for kind in every(NetconsoleError):
        error = kind.__new__(kind)
        told = sent(told_error(error))["error"]
        assert told["kind"] in KINDS
        again = error_of(told)
        assert issubclass(kind, type(again)) or type(again) is NetconsoleError
        assert again.exit_status == error.exit_status


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"7", b"\xff\xfe", b'{"a": NaN}', b'{"a": Infinity}'),
        *(b'{"a": "\\ud800"}', b'{"a": 1e999999}x', b'{"a": ' + b"9" * 5000 + b"}"),
        *(b"[" * 100_000, b'{"a":' * 50_000, b'{"a": 9223372036854775808}'),
    ],
)
def test_what_is_no_request_is_refused_in_a_line(body: bytes) -> None:
    with pytest.raises(InvalidValue) as refused:
        document_of(body)
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("NoChange", {}),
        (None, {}),
        ({"a": 1}, {}),
        ("DeleteNetwork", None),
        ("DeleteNetwork", {}),
        ("DeleteNetwork", {"network": 7}),
        ("DeleteNetwork", {"network": ["vmnet"]}),
        ("DeleteNetwork", {"network": "vmnet", "more": 1}),
        ("CreateNetwork", {"label": "x", "vlan": "7"}),
        ("CreateNetwork", {"label": "x", "vlan": 7.5}),
        ("CreateNetwork", {"label": "x", "vlan": True}),
        ("CreateNetwork", {"label": "x", "multi_host": 1}),
        ("CreateInstance", {"name": "x", "project": "p", "networks": "vmnet"}),
        ("CreateInstance", {"name": "x", "project": "p", "port_kind": "other"}),
        ("ApplyFix", {"name": "x", "plan": {"steps": [{"step": "NoStep"}]}}),
        ("ApplyFix", {"name": "x", "plan": {"steps": [7]}}),
    ],
)
def test_what_is_no_change_is_refused_in_a_line(name: object, arguments: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        change_of(name, arguments)
    assert str(refused.value).isprintable()


def test_what_an_agent_says_that_nobody_understands_is_told_in_a_line() -> None:
    hardly: tuple[object, ...] = (7, None, [], {"steps": [{"step": "of a newer agent"}]})
    for told in hardly:
        with pytest.raises(Unintelligible):
            value_of(Preview, told)
    assert json.dumps(sent({"a": 1})) == '{"a": 1}'
