"""Two projects, each with a network of its own, and what one reaches of the other."""

import cloud
from cloud import netconsole
from private_host import PrivateHost
from talk import connected, pinged, serve

NEAR, FAR = "203.0.113.129", "203.0.113.130"
"""The floating addresses of the guests."""


def assert_kept_apart(host: PrivateHost) -> None:
    """See that one reaches the other only as that allows, by fixed addresses and by floating ones.

    The networks are `one` and `two`; each of the projects of these names gets a guest there.
    """
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    fixed = {}
    for guest, project, floating in (("near", "one", NEAR), ("far", "two", FAR)):
        on = ("--network", project)
        fixed[guest] = cloud.boot(host, guest, project, on, is_open=False)
        netconsole(host, "floating", "associate", floating, guest)
        serve(host, guest, 22, 80)
    there, back = (fixed["far"], FAR), (fixed["near"], NEAR)
    every = [f"{address}/{port}" for address in there for port in (22, 80)]
    assert connected(host, "near", *every) == set()
    assert pinged(host, "near", *there) == set()

    rule = ("--project", "two", "--cidr", f"{fixed['near']}/32")
    for words in (("tcp", "--port", "22"), ("icmp", "--icmp", "-1")):
        netconsole(host, "secgroup", "allow", "default", *rule, "--protocol", *words)
    assert connected(host, "near", *every) == {f"{address}/22" for address in there}
    assert pinged(host, "near", *there) == set(there)
    assert connected(host, "far", *(f"{address}/22" for address in back)) == set()
    assert connected(host, "outside", f"{FAR}/22") == set()

    netconsole(host, "secgroup", "revoke", "default", *rule, "--protocol", "tcp", "--port", "22")
    assert connected(host, "near", *every) == set()
