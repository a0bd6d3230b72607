"""Who sets a kernel setting at boot: sysctl.d(5), case by case."""

import pytest

from netconsole.backend.model.kernel_settings import name_of, path_of
from netconsole.backend.steps import Plan, WriteFile
from netconsole.diagnostics.parts.drop_ins import (
    LAST,
    OURS,
    DropInAssignment,
    in_order,
    make_permanent,
    parse,
    says_who,
    setter,
    with_settings,
)

KEY = "net/ipv4/conf/eth0/rp_filter"


def files(*texts: tuple[str, str]) -> tuple[DropInAssignment, ...]:
    """Return the assignments of these files, given in the order in which they are applied."""
    return tuple(each for path, text in texts for each in parse(path, text))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.enp3s0/200.forwarding", "net/ipv4/conf/enp3s0.200/forwarding"),
        ("net/ipv4/conf/enp3s0.200/forwarding", "net/ipv4/conf/enp3s0.200/forwarding"),
        ("kernel", "kernel"),
    ],
)
def test_both_spellings_name_the_same_file(name: str, path: str) -> None:
    assert path_of(name) == path
    assert path_of(name_of(path)) == path


def test_reads_assignments_and_passes_over_the_rest() -> None:
    text = "# c\n; c\n\n  net.ipv4.ip_forward=1  \n-net.a.b = 2\n-net.c.d\nnonsense\na.b=x=y\n"
    assert [(each.line, each.pattern, each.value) for each in parse("f", text)] == [
        (4, "net/ipv4/ip_forward", "1"),
        (5, "net/a/b", "2"),
        (6, "net/c/d", None),
        (8, "a/b", "x=y"),
    ]


def test_etc_hides_a_file_of_the_same_name_and_names_decide_the_order() -> None:
    names = {
        "/etc/sysctl.d": ["99-z.conf", "10-a.conf", "README.sysctl"],
        "/run/sysctl.d": ["10-a.conf", "50-run.conf"],
        "/usr/lib/sysctl.d": ["99-z.conf", "00-first.conf"],
    }
    order = (
        "/usr/lib/sysctl.d/00-first.conf",
        "/etc/sysctl.d/10-a.conf",
        "/run/sysctl.d/50-run.conf",
        "/etc/sysctl.d/99-z.conf",
    )
    assert in_order(names, by_systemd=True) == order
    assert in_order(names, by_systemd=False) == (*order, LAST)


def test_the_last_assignment_wins() -> None:
    found = setter(files(("a", f"{KEY}=1\n{KEY}=0"), ("b", f"{KEY}=2")), KEY)
    assert found is not None
    assert (found.place, found.value) == ("b:1", "2")


def test_a_line_that_names_the_key_beats_every_pattern() -> None:
    found = setter(files(("a", f"{KEY}=1"), ("b", "net.ipv4.conf.*.rp_filter=2")), KEY)
    assert found is not None
    assert found.value == "1"


def test_an_exempted_key_is_set_by_no_pattern() -> None:
    text = "net.ipv4.conf.*.rp_filter=2\n-net.ipv4.conf.all.rp_filter"
    assert setter(files(("a", text)), "net/ipv4/conf/all/rp_filter") is None
    assert setter(files(("a", text)), KEY) is not None


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("net.ipv4.conf.*.rp_filter", True),
        ("net.ipv4.conf.eth?.rp_filter", True),
        ("net.ipv4.conf.eth[0-3].rp_filter", True),
        ("net.ipv4.conf.eth[!0].rp_filter", False),
        ("net.ipv4.*.rp_filter", False),
        ("net.ipv4.conf.*", False),
    ],
)
def test_a_sign_of_a_pattern_stands_for_no_slash(pattern: str, matches: bool) -> None:
    assert (setter(files(("a", f"{pattern} = 1")), KEY) is not None) == matches


def test_says_who_set_the_value_that_the_kernel_holds() -> None:
    here = files(("/etc/sysctl.d/10-a.conf", f"#\n{KEY}=1"))
    assert says_who(here, KEY, "1") == "set by /etc/sysctl.d/10-a.conf:2"
    assert says_who(here, KEY, "2") == "set at run time; /etc/sysctl.d/10-a.conf:2 says 1"
    assert says_who((), KEY, "1") == "set at run time; no file sets it"
    default = files(("/etc/sysctl.d/10-a.conf", "net.ipv4.conf.default.rp_filter = 1"))
    words = says_who(default, KEY, "1")
    assert words == "/etc/sysctl.d/10-a.conf:1 sets the default of new interfaces"


def test_our_drop_in_changes_a_line_where_it_stands_and_keeps_the_others() -> None:
    text = f"# Written by netconsole\nnet.ipv4.ip_forward = 1\n{KEY} = 1\n"
    again = with_settings(text, {KEY: "2"})
    assert again.splitlines() == [
        "# Written by netconsole",
        "net.ipv4.ip_forward = 1",
        "net.ipv4.conf.eth0.rp_filter = 2",
    ]
    assert with_settings(again, {KEY: "2"}) == again


def test_an_interface_with_a_dot_is_written_with_slashes() -> None:
    key = "net/ipv4/conf/eth0.100/rp_filter"
    assert f"{key} = 2" in with_settings(None, {key: "2"}).splitlines()


def test_permanence_is_planned_where_nothing_later_says_otherwise() -> None:
    here = files(("/etc/sysctl.d/10-a.conf", f"{KEY}=1"))
    plan, words = make_permanent(here, None, {KEY: "2"})
    assert plan is not None
    (step,) = plan.steps
    assert isinstance(step, WriteFile)
    assert (step.path, step.former, step.mode) == (OURS, None, 0o644)
    assert "net.ipv4.conf.eth0.rp_filter = 2" in step.content
    assert "not kept until" in words


@pytest.mark.parametrize("later", ["/usr/lib/sysctl.d/99-z.conf", LAST])
def test_permanence_is_refused_where_a_later_file_has_the_last_word(later: str) -> None:
    plan, words = make_permanent(files((later, f"\n{KEY}=1")), None, {KEY: "2"})
    assert plan is None
    assert f"{later}:2 says 1" in words


def test_a_later_pattern_does_not_stand_in_the_way() -> None:
    here = files(("/etc/sysctl.d/99-z.conf", "net.ipv4.conf.*.rp_filter = 1"))
    plan, _ = make_permanent(here, None, {KEY: "2"})
    assert plan


def test_what_is_permanent_already_is_not_written_again() -> None:
    here = files(("/etc/sysctl.d/99-z.conf", f"{KEY} = 2"))
    assert make_permanent(here, None, {KEY: "2"}) == (
        Plan(),
        "kept: set by /etc/sysctl.d/99-z.conf:1",
    )
