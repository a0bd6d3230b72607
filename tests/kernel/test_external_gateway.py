"""A network whose router is another machine works on kernels that cannot redirect as well."""

from cloud import answer
from external_gateway import create, own_rules, redirects
from private_host import PrivateHost


def supported(host: PrivateHost) -> bool:
    """Whether this kernel takes such rules: the nft kind needs NFT_BRIDGE_META for a bridge."""
    rule = "-A PREROUTING -p IPv4 --logical-in br100 --ip-src 10.0.0.3 -j redirect"
    tried = ("unshare", "--net", "ebtables", "-t", "nat", *rule.split())
    return host.run(*tried, check=False).returncode == 0


def test_what_this_kernel_cannot_do_is_said_and_the_rest_is_done(host: PrivateHost) -> None:
    fixed = create(host)
    if supported(host):
        redirects(host, fixed)
        return
    assert answer(host, "plan")["steps"] == []
    assert own_rules(host) == set()
    said = [
        line for line in host.run("netconsole", "status").stdout.splitlines() if "kernel" in line
    ]
    assert len(said) == 1
    assert said[0].startswith(
        "wrong: this kernel has no bridge redirection: ebtables-restore --noflush"
    )
    doctor = host.run("netconsole", "doctor", check=False)
    assert doctor.returncode == 1
    assert doctor.stdout.count("A network wants what this kernel has not") == 1
