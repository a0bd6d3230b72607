"""Every step there is, with the commands that an admin would type to the same effect."""

from netconsole.backend.model.guards import GuardObject
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AddLink,
    AnnounceAddress,
    ChangeGuards,
    ChangeRules,
    CheckDnsmasq,
    EndConnections,
    EndUntranslated,
    InsertNftRule,
    MakeDirectory,
    MoveAddresses,
    PutNeighbours,
    ReinstateDhcpHosts,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveAddress,
    RemoveConfigDrive,
    RemoveDhcpHosts,
    RemoveDirectory,
    RemoveFile,
    RemoveGuestFile,
    RemoveLink,
    RemoveNftRule,
    RetireDhcpHosts,
    RunProgram,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteConfigDrive,
    WriteFile,
    WriteGuestFile,
)

PID_FILE = "/n/nova-br100.pid"
SERVER = ("dnsmasq", f"--pid-file={PID_FILE}", "--domain=a b")
HOST_FILES = (("/n/h/1", "fa:16:3e:00:00:01,web1,10.0.0.3\n"), ("/n/h/2", "x\n"))
RETIRED = (("/n/h/1", "fa:16:3e:00:00:01 # no longer has 10.0.0.3\n"),)
BRIDGE = AddLink("br100", "bridge", "netconsole:network:1", mac="fa:16:3e:0:0:1", forward_delay=0)
VETH = AddLink(
    "veth1",
    "veth",
    "netconsole:port:1",
    mac="fe:16:3e:00:00:01",
    peer="peer1",
    peer_mac="fa:16:3e:00:00:01",
)
RULES = ChangeRules(
    "ipv4",
    "nat",
    (":nova-network-snat - [0:0]", "-I POSTROUTING 1 -j nova-network-snat"),
    ("-D POSTROUTING -j nova-network-snat", "-X nova-network-snat"),
)

HOOK = 'type filter hook ingress device "tap1" priority filter; policy drop;'
GUARDS = ChangeGuards(
    (
        GuardObject("chain", "guard", ("accept",)),
        GuardObject("element", "macs", ('"tap1" . fa:16:3e:00:00:01',), "tap1"),
    ),
    (
        GuardObject("chain", "guard", ("drop",)),
        GuardObject("chain", "port-tap1", (HOOK, "jump guard"), "tap1"),
    ),
)

SAMPLES: tuple[tuple[Step, tuple[str, ...]], ...] = (
    (SetSysctl("net.ipv4.ip_forward", "1", "0"), ("sysctl -w net.ipv4.ip_forward=1",)),
    (
        BRIDGE,
        ("ip link add name br100 address fa:16:3e:0:0:1 type bridge forward_delay 0",),
    ),
    (AddLink("br0", "bridge", ""), ("ip link add name br0 type bridge",)),
    (
        GUARDS,
        (
            "nft 'flush chain netdev netconsole guard'",
            "nft 'delete element netdev netconsole macs { \"tap1\" . fa:16:3e:00:00:01 }'",
            "nft 'add chain netdev netconsole port-tap1 "
            '{ type filter hook ingress device "tap1" priority filter; policy drop; }\'',
            "nft 'add rule netdev netconsole guard drop'",
            "nft 'add rule netdev netconsole port-tap1 jump guard'",
        ),
    ),
    (AddLink("tap1", "tap", "a", mac="fe:1"), ("ip tuntap add dev tap1 mode tap",)),
    (
        VETH,
        (
            "ip link add name veth1 address fe:16:3e:00:00:01 type veth "
            "peer name peer1 address fa:16:3e:00:00:01",
        ),
    ),
    (
        AddLink("vlan100", "vlan", "a", mac="fa:16:3e:0:0:2", parent="eth1", vlan=100),
        ("ip link add link eth1 name vlan100 address fa:16:3e:0:0:2 type vlan id 100",),
    ),
    (
        MoveAddresses(
            "eth1",
            "br100",
            (("192.0.2.5/24", "broadcast", "192.0.2.255", "label", ":web"), ("2001:db8::5/64",)),
            (("default", "via", "192.0.2.1"), ("-6", "default", "via", "fe80::1")),
            to_bridge=True,
            later_routes=(("default", "via", "192.0.2.2"),),
            connected_routes=(("192.0.2.0/24", "proto", "kernel", "mtu", "1400"),),
            rules=(("priority", "7", "from", "all", "iif", "", "lookup", "100"),),
            neighbours=(("192.0.2.9", "lladdr", "02::9", "nud", "permanent"),),
        ),
        (
            "ip rule add priority 7 from all iif br100 lookup 100",
            "ip address add 192.0.2.5/24 broadcast 192.0.2.255 label br100:web dev br100",
            "ip address add 2001:db8::5/64 nodad dev br100",
            "ip link set dev eth1 master br100",
            "ip neighbour replace 192.0.2.9 lladdr 02::9 nud permanent dev br100",
            "ip route replace default via 192.0.2.1 dev br100",
            "ip -6 route replace default via fe80::1 dev br100",
            "ip route append default via 192.0.2.2 dev br100",
            "ip route delete default via 192.0.2.2 dev eth1",
            "ip address delete 2001:db8::5/64 dev eth1",
            "ip address delete 192.0.2.5/24 dev eth1",
            "ip address change 2001:db8::5/64 dev br100",
            "ip route replace 192.0.2.0/24 proto kernel mtu 1400 dev br100",
        ),
    ),
    (
        PutNeighbours(
            "br100",
            (("192.0.2.9", "lladdr", "02::9", "nud", "permanent"), ("proxy", "192.0.2.7")),
        ),
        (
            "ip neighbour replace 192.0.2.9 lladdr 02::9 nud permanent dev br100",
            "ip neighbour replace proxy 192.0.2.7 dev br100",
        ),
    ),
    (RemoveLink("br100", "bridge", "a"), ("ip link delete dev br100",)),
    (RemoveLink("veth1", "veth", "a", peer="peer1"), ("ip link delete dev veth1",)),
    (SetLink("br100", "up", "1", "0"), ("ip link set dev br100 up",)),
    (SetLink("br100", "up", "0", "1"), ("ip link set dev br100 down",)),
    (SetLink("tap1", "master", "br100", ""), ("ip link set dev tap1 master br100",)),
    (SetLink("tap1", "master", "", "br100"), ("ip link set dev tap1 nomaster",)),
    (SetLink("br100", "mtu", "1450", "1500"), ("ip link set dev br100 mtu 1450",)),
    (SetLink("tap1", "mac", "fe:1", "fe:2"), ("ip link set dev tap1 address fe:1",)),
    (SetLink("tap1", "alias", "a:b", ""), ("ip link set dev tap1 alias a:b",)),
    (SetLink("tap1", "alias", "", "a:b"), ("ip link set dev tap1 alias ''",)),
    (SetLink("tap1", "hairpin", "1", "0"), ("ip link set dev tap1 type bridge_slave hairpin on",)),
    (
        SetLink("tap1", "group_fwd_mask", "65533", "0"),
        ("ip link set dev tap1 type bridge_slave group_fwd_mask 0xfffd",),
    ),
    (SetLink("tap1", "hairpin", "0", "1"), ("ip link set dev tap1 type bridge_slave hairpin off",)),
    (
        SetLink("br100", "forward_delay", "0", "1500"),
        ("ip link set dev br100 type bridge forward_delay 0",),
    ),
    (
        AddAddress("br100", "10.0.0.1/24", "10.0.0.255"),
        ("ip address add 10.0.0.1/24 broadcast 10.0.0.255 dev br100",),
    ),
    (
        RemoveAddress("eth0", "203.0.113.10/32"),
        ("ip address delete 203.0.113.10/32 dev eth0",),
    ),
    (
        RULES,
        (
            "iptables -t nat -N nova-network-snat",
            "iptables -t nat -I POSTROUTING 1 -j nova-network-snat",
        ),
    ),
    (
        ChangeRules("bridge", "filter", (":a RETURN", "-F b"), ()),
        ("ebtables -t filter -N a -P RETURN", "ebtables -t filter -F b"),
    ),
    (
        ChangeRules(
            "ipv4", "raw", (":a - [0:0]", ":OUTPUT DROP [0:0]", "-A a -j DROP"), (), "legacy"
        ),
        (
            "iptables-legacy -t raw -N a",
            "iptables-legacy -t raw -P OUTPUT DROP",
            "iptables-legacy -t raw -A a -j DROP",
        ),
    ),
    (
        InsertNftRule("inet", "wall", "forward", 'iifname "br100" accept', "netconsole: br100"),
        (
            "nft add rule inet wall forward 'iifname \"br100\" accept' "
            "comment '\"netconsole: br100\"'",
        ),
    ),
    (
        InsertNftRule("inet", "wall", "forward", 'iifname "br100" accept', "netconsole: br100", 7),
        (
            "nft insert rule inet wall forward handle 7 'iifname \"br100\" accept' "
            "comment '\"netconsole: br100, before 7\"'",
        ),
    ),
    (
        RemoveNftRule("inet", "wall", "forward", 'iifname "br100" accept', "netconsole: br100", 7),
        (
            'nft delete rule inet wall forward handle "$(nft -a list chain inet wall forward | '
            'sed -n \'/comment "netconsole: br100, before 7"/s/.*handle //p\')"',
        ),
    ),
    (
        EndConnections("203.0.113.10"),
        (
            "conntrack --delete --orig-dst 203.0.113.10",
            "conntrack --delete --reply-dst 203.0.113.10",
        ),
    ),
    (
        EndConnections("203.0.113.10", "10.0.0.2"),
        (
            "conntrack --delete --orig-dst 203.0.113.10 --reply-src 10.0.0.2",
            "conntrack --delete --reply-dst 203.0.113.10 --orig-src 10.0.0.2",
        ),
    ),
    (
        EndUntranslated(("203.0.113.10/31", "203.0.113.13")),
        (
            "conntrack --delete --orig-dst 203.0.113.10/31",
            "conntrack --delete --orig-dst 203.0.113.13",
        ),
    ),
    (AnnounceAddress("eth0", "203.0.113.10"), ("arping -U -c 1 -I eth0 203.0.113.10",)),
    (MakeDirectory("/n/h"), ("mkdir -p -m 0755 /n/h",)),
    (RemoveDirectory("/n/h"), ("rmdir /n/h",)),
    (
        WriteFile("/n/a b", "3,'x'\n", 0o640, None),
        (r"printf %s $'3,\'x\'\n' > '/n/a b'", "chmod 0640 '/n/a b'"),
    ),
    (WriteFile("/n/o", "new", 0o644, "old"), ("printf %s new > /n/o", "chmod 0644 /n/o")),
    (RemoveFile("/n/o", "old", 0o600), ("rm /n/o",)),
    (
        AddDhcpHosts(PID_FILE, HOST_FILES),
        (
            "printf %s $'fa:16:3e:00:00:01,web1,10.0.0.3\\n' > /n/h/1",
            "printf %s $'x\\n' > /n/h/2",
        ),
    ),
    (
        RemoveDhcpHosts(PID_FILE, HOST_FILES),
        ("rm /n/h/1 /n/h/2", f'kill -HUP "$(cat {PID_FILE})"'),
    ),
    (
        RetireDhcpHosts(PID_FILE, HOST_FILES, RETIRED),
        ("printf %s $'fa:16:3e:00:00:01 # no longer has 10.0.0.3\\n' > /n/h/1",),
    ),
    (
        ReinstateDhcpHosts(PID_FILE, HOST_FILES, RETIRED),
        (
            "printf %s $'fa:16:3e:00:00:01,web1,10.0.0.3\\n' > /n/h/1",
            "printf %s $'x\\n' > /n/h/2",
            f'kill -HUP "$(cat {PID_FILE})"',
        ),
    ),
    (StartDnsmasq("br100", SERVER), (f"dnsmasq --pid-file={PID_FILE} '--domain=a b'",)),
    (StopDnsmasq("br100", SERVER, (11, 12)), ("kill 11 12",)),
    (StopDnsmasq("br100", SERVER, (11,), start_again=False), ("kill 11",)),
    (StopDnsmasq("br100", SERVER), (f'kill "$(cat {PID_FILE})"',)),
    (
        CheckDnsmasq("br100", SERVER),
        (f"dnsmasq --test --pid-file={PID_FILE} '--domain=a b'",),
    ),
    (ReloadDnsmasq("br100", PID_FILE), (f'kill -HUP "$(cat {PID_FILE})"',)),
    (
        ReleaseLease("br100", "10.0.0.3", "fa:16:3e:00:00:01"),
        ("dhcp_release br100 10.0.0.3 fa:16:3e:00:00:01",),
    ),
    (
        WriteGuestFile("/mnt", "etc/x", "new"),
        ("printf %s new > /mnt/etc/x", "chmod 0644 /mnt/etc/x"),
    ),
    (
        WriteGuestFile("/mnt/", "etc/a b", "new", missing=("etc",)),
        (
            "mkdir -p -m 0755 /mnt/etc",
            "printf %s new > '/mnt/etc/a b'",
            "chmod 0644 '/mnt/etc/a b'",
        ),
    ),
    (
        WriteGuestFile("/mnt", "etc/x", "new", former="old"),
        ("printf %s new > /mnt/etc/x", "chmod 0644 /mnt/etc/x"),
    ),
    (RemoveGuestFile("/mnt", "etc/x", "new"), ("rm /mnt/etc/x",)),
    (
        RemoveGuestFile("/mnt", "etc/net/x", "new", ("etc", "etc/net")),
        ("rm /mnt/etc/net/x", "rmdir /mnt/etc/net /mnt/etc"),
    ),
    (
        WriteConfigDrive("/i/web1.iso", ("openstack/latest/a.json",), (b"secret",)),
        (
            "mkdir -p config-2/openstack/latest",
            "# config-2/openstack/latest/a.json: 6 bytes, not shown",
            "(umask 077; genisoimage -quiet -output /i/web1.iso -volid config-2 "
            "-joliet -rational-rock config-2)",
        ),
    ),
    (RemoveConfigDrive("/i/web1.iso"), ("rm /i/web1.iso",)),
    (
        RunProgram(("ip", "route", "delete", "10.9/24"), ("ip", "route", "add", "10.9/24")),
        ("ip route delete 10.9/24",),
    ),
    (RunProgram(("modprobe", "vhost_net")), ("modprobe vhost_net",)),
)
