"""Guards on a kernel without nftables' family netdev: by ebtables, here of the legacy kind."""

from bridge_lies import shows_what_ebtables_stops
from cloud import answer, netconsole
from guest_frames import furnish
from private_host import PrivateHost


def test_ebtables_guards_where_nftables_cannot(host: PrivateHost) -> None:
    said = furnish(host)

    assert "ebtables guards the ports, and cannot stop" in said
    assert {one["state"] for one in answer(host, "guards")["ports"]} == {"on"}
    assert answer(host, "plan")["steps"] == []
    shows_what_ebtables_stops(host)

    for name in ("liar", "other", "machine"):
        netconsole(host, "instance", "delete", name)
    assert "nova-network" not in host.run("ebtables-save").stdout
