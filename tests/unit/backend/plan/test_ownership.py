"""Whose what a host carries is, and how much of it a plan may remove."""

from dataclasses import replace

import pytest
from core_samples import network, options

from netconsole.backend.intent import intent
from netconsole.backend.model.hoststate import (
    ChainKey,
    Dnsmasq,
    File,
    Mark,
    Observed,
    ObservedLink,
    Rule,
    Wanted,
    WantedLink,
)
from netconsole.backend.model.records import Records, StoreIdentity
from netconsole.backend.plan import plan
from netconsole.backend.plan.ownership import (
    another_by_itself,
    another_by_mark,
    as_anothers,
    removes_most,
)

NETWORKS_PATH = "/var/lib/netconsole/networks"
OURS = StoreIdentity("ours", 5)
RECORDS = Records(networks=(network(),))
WANTED = intent(RECORDS, options())
LINK = ObservedLink("br100", "bridge", alias=f"netconsole:network:{network().uuid}")
FORWARD = ChainKey("ipv4", "filter", "nova-network-FORWARD")
RULE = Rule("-i br100 -j ACCEPT")


def links(*found: ObservedLink) -> dict[str, ObservedLink]:
    return {link.name: link for link in found}


def words(observed: Observed, found: Records = RECORDS, store: StoreIdentity | None = OURS) -> str:
    """Why it is another's, and nothing where it is ours."""
    if observed.mark is not None:
        seen = another_by_mark(observed, observed.mark, store, NETWORKS_PATH)
    else:
        wanted = intent(found, options())
        seen = another_by_itself(observed, found, wanted, NETWORKS_PATH)
    return "" if seen is None else str(seen)


@pytest.mark.parametrize(
    ("mark", "store", "because"),
    [
        (Mark("ours", 5, "sqlite:////x"), OURS, ""),
        (Mark("ours", 4, "sqlite:////x"), OURS, ""),
        (Mark("ours", 6, "sqlite:////x"), OURS, "is at change 5 of 6"),
        (Mark("other", 1, "sqlite:////x"), OURS, "another store, other of sqlite:////x"),
        (Mark("ours", 5, "sqlite:////x"), None, "another store, ours of sqlite:////x"),
    ],
)
def test_the_mark_says_whose_a_host_is(
    mark: Mark, store: StoreIdentity | None, because: str
) -> None:
    carried = Observed(mark=mark, links=links(LINK))
    assert because in words(carried, Records(), store)
    assert bool(because) == bool(words(carried, Records(), store))
    assert words(Observed(mark=mark), Records(), store) == ""  # nothing is there to take down


@pytest.mark.parametrize(
    "carried",
    [
        Observed(links=links(LINK)),
        Observed(dnsmasq=(Dnsmasq("br100", ("dnsmasq",)),)),
        Observed(files={f"{NETWORKS_PATH}/nova-br100.leases": File("")}),
        Observed(chains={FORWARD: (RULE, Rule("-i br9 -j DROP"))}),
    ],
)
def test_without_a_mark_what_is_there_says_it(carried: Observed) -> None:
    assert words(carried) == ""
    assert "nothing is done here: " in words(carried, Records())


def test_one_link_that_is_not_known_is_enough() -> None:
    port = ObservedLink("tap1", "tap", alias="netconsole:port:later")
    carried = Observed(links=links(LINK, port))
    assert "link tap1 is of netconsole:port:later, which this store does not know" in words(carried)


def test_where_there_are_several_hosts_one_link_that_is_known_is_enough() -> None:
    """The other was deleted on another host of the same store."""
    found = Records(networks=(replace(network(), multi_host=True),))
    port = ObservedLink("tap1", "tap", alias="netconsole:port:deleted")
    assert words(Observed(links=links(LINK, port)), found) == ""
    assert "link tap1 is of" in words(Observed(links=links(port)), found)


def test_empty_chains_of_nobody_and_links_of_others_are_in_nobodys_way() -> None:
    eth0 = ObservedLink("eth0", "", alias="uplink")
    assert words(Observed(links=links(eth0), chains={FORWARD: ()}), Records()) == ""


def test_what_is_anothers_is_foreign() -> None:
    carried = Observed(links=links(LINK), dnsmasq=(Dnsmasq("br100", ("dnsmasq",)),))
    seen = another_by_itself(carried, Records(), Wanted(), NETWORKS_PATH)
    assert seen is not None
    assert set(seen.objects) == {"link br100", "dnsmasq of br100"}
    shown = as_anothers(carried, seen)
    assert not any(link.ours for link in shown.links.values())
    assert [server.bridge for server in shown.dnsmasq] == [""]
    assert plan(shown, Wanted(networks_path=NETWORKS_PATH)).steps == ()


def test_a_plan_that_removes_most_of_what_is_ours_says_so() -> None:
    ports = [
        ObservedLink(f"tap{number}", "tap", alias=f"netconsole:port:{number}")
        for number in range(3)
    ]
    observed = Observed(links=links(LINK, *ports), chains={FORWARD: (RULE,)})
    nothing = Wanted(networks_path=NETWORKS_PATH)
    assert removes_most(observed, nothing, plan(observed, nothing)) == (
        "this would remove 5 of 5 things of ours here (link tap0, link tap1, link tap2, ...)"
    )
    few = {each.name: WantedLink(each.name, each.kind) for each in (LINK, *ports[:2])}
    kept = replace(nothing, links=few, chains=observed.chains)
    assert removes_most(observed, kept, plan(observed, kept)) is None
    assert removes_most(Observed(), WANTED, plan(Observed(), WANTED)) is None
