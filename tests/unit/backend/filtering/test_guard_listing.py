"""The table of the guards, read as nft 1.0.6 prints it."""

from netconsole.backend.filtering.guard_listing import parse_guards
from netconsole.backend.model.guards import GuardObject

HOOK = 'type filter hook ingress device "tap0" priority filter; policy drop;'
LISTED = f"""table netdev netconsole {{
	counter arp_spoof {{
		packets 12 bytes 504
	}}

	counter ethertype {{
		comment "frames of no kind that passes"
		packets 0 bytes 0
	}}

	set ipv4 {{
		type ifname . ether_addr . ipv4_addr
		elements = {{ "tap0" . 02:00:00:00:00:01 . 10.0.0.3,
			"tap1" . 02:00:00:00:00:02 . 10.0.0.4 }}
	}}

	set ipv6_ranges {{
		type ifname . ether_addr . ipv6_addr
		flags interval
	}}

	map ways {{
		type ifname : verdict
		elements = {{ "tap0" : accept }}
	}}

	chain guard {{
		ether type 0x8863 accept
		counter name "ethertype" drop
	}}

	chain port-tap0 {{
		{HOOK}
		jump guard
	}}
}}
"""


def test_each_object_is_read_with_its_port_and_without_its_counts() -> None:
    assert parse_guards(LISTED) == {
        GuardObject("table", "netconsole"),
        GuardObject("counter", "arp_spoof"),
        GuardObject("counter", "ethertype", ('comment "frames of no kind that passes"',)),
        GuardObject("set", "ipv4", ("type ifname . ether_addr . ipv4_addr",)),
        GuardObject("element", "ipv4", ('"tap0" . 02:00:00:00:00:01 . 10.0.0.3',), "tap0"),
        GuardObject("element", "ipv4", ('"tap1" . 02:00:00:00:00:02 . 10.0.0.4',), "tap1"),
        GuardObject(
            "set", "ipv6_ranges", ("type ifname . ether_addr . ipv6_addr", "flags interval")
        ),
        GuardObject("set", "ways", ("type ifname : verdict",)),
        GuardObject("element", "ways", ('"tap0" : accept',), "tap0"),
        GuardObject(
            "chain", "guard", ("ether type 0x8863 accept", 'counter name "ethertype" drop')
        ),
        GuardObject("chain", "port-tap0", (HOOK, "jump guard"), "tap0"),
    }
    assert parse_guards("") == frozenset()


def test_what_no_guard_has_makes_the_table_another() -> None:
    dormant = LISTED.replace("netconsole {\n", "netconsole {\n\tflags dormant\n")
    assert GuardObject("table", "netconsole", ("flags dormant",)) in parse_guards(dormant)
    quota = LISTED.replace("\tset ipv4 {", "\tquota much {\n\t\tover 1 mbytes\n\t}\n\n\tset ipv4 {")
    assert parse_guards(quota) - parse_guards(LISTED) == {
        GuardObject("chain", "much", ("over 1 mbytes",))
    }
