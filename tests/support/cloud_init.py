"""Debian's cloud-init as it runs in a guest: it finds its data and configures a scratch root."""

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any, Final

import debian_packages
from private_host import PrivateHost

PACKAGES: Final = (
    *(
        "cloud-init",
        "isc-dhcp-client",
        "python3-attr",
        "python3-certifi",
        "python3-chardet",
        "python3-configobj",
    ),
    *("python3-idna", "python3-jinja2", "python3-json-pointer", "python3-jsonpatch"),
    *("python3-jsonschema", "python3-markupsafe", "python3-netifaces", "python3-oauthlib"),
    *("python3-pyrsistent", "python3-requests", "python3-serial", "python3-six"),
    *("python3-urllib3", "python3-yaml"),
)
"""What it is made of; the rest of what it names is not needed here, or is there."""

_CONFIGURATION: Final = """\
datasource_list: [{name}]
datasource: {{{name}: {{{settings}}}}}
disable_root: false
users: []
cloud_init_modules: [write-files, set_hostname, ssh]
cloud_final_modules: [scripts-user]
ssh_deletekeys: false
ssh_genkeytypes: []
system_info:
  distro: debian
  network: {{renderers: [networkd]}}
"""
_AS_SUCH_A_MACHINE: Final = """
set -e
echo nameserver 127.0.0.1 > /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf  # else a minute goes by until no server answers
if [ "$2" ]; then
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/class /mnt/devices /mnt/hypervisor
    mount --rbind /sys/class /mnt/class
    mount --rbind /sys/devices /mnt/devices
    mount --move /mnt /sys
    echo "$2" > /sys/hypervisor/uuid
fi
exec unshare --pid --fork --mount-proc env "product_name=$3" sh -c "$4" sh "$1" "$5"
"""
_RUN: Final = """
set -e
mount -t tmpfs tmpfs /root
mkdir -p /root/.ssh
rm -rf /run/cloud-init /var/lib/cloud/instance* /etc/systemd/network
mkdir -p /etc/cloud /etc/systemd/network
cat > /etc/cloud/cloud.cfg
export PYTHONPATH=$1/usr/lib/python3/dist-packages PATH=$PATH:$1/sbin
program=$1/usr/bin/cloud-init
ip address flush dev eth0
/usr/bin/python3 "$program" init --local
[ "$2" = drive ] || busybox udhcpc -n -q -i eth0
/usr/bin/python3 "$program" init
/usr/bin/python3 "$program" modules --mode=final
for file in /run/cloud-init/cloud-id /run/cloud-init/result.json /etc/hostname \\
    /root/.ssh/authorized_keys /var/lib/cloud/instance/user-data.txt /etc/systemd/network/*; do
    echo "== $file"
    cat "$file"
done
"""

_CRAWL: Final = """
export PYTHONPATH=$1/usr/lib/python3/dist-packages
exec /usr/bin/python3 -c '
import json
from cloudinit.distros.debian import Distro
from cloudinit.helpers import Paths
from cloudinit.sources.DataSourceEc2 import DataSourceEc2
paths = Paths({})
found = DataSourceEc2({}, Distro("debian", {}, paths), paths).crawl_metadata()
print(json.dumps(found, default=bytes.decode))
'
"""


@dataclass(frozen=True)
class DataSource:
    """Where it is to look for its data, and what it needs to do so."""

    name: str
    """As cloud-init calls it."""
    settings: str = ""
    """Of this source, in YAML."""
    product_name: str = ""
    """What nova told containers that they are, in their first process' environment."""
    hypervisor_uuid: str = ""
    """What Xen tells its guests at /sys/hypervisor/uuid, by which those of EC2 know it."""


CONFIG_DRIVE: Final = DataSource("ConfigDrive")
OPENSTACK: Final = DataSource("OpenStack", product_name="OpenStack Nova")
EC2: Final = DataSource("Ec2", settings="strict_id: false")
"""As on any cloud with EC2's API: it asks for no tokens."""
_AWS: Final = DataSource("Ec2", hypervisor_uuid="ec2e1916-9099-7caf-fd21-012345abcdef")
"""As on EC2 itself, with tokens."""


def why_not() -> str | None:
    """Return why it cannot be run here; None where it can."""
    return debian_packages.why_not("cloud-init", PACKAGES)


def configured(host: PrivateHost, namespace: str, source: DataSource) -> dict[str, str]:
    """Let a guest in a network namespace of the host start with one source of data.

    Its first interface has no address at first: while cloud-init looks for data that describe the
    network, it asks for one itself, and gives it back; then the guest asks for one, unless there is
    a drive.

    Returns the files that it wrote, by their paths.
    """
    configuration = _CONFIGURATION.format(name=source.name, settings=source.settings)
    said = _run(host, namespace, source, _RUN, configuration)
    _, *found = re.split(r"^== (.*)\n", said, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def crawled_with_token(host: PrivateHost, namespace: str) -> dict[str, Any]:
    """Return what it finds in a guest that takes itself for one of EC2, where it asks for a token.

    That is not all that it does there: it waits a minute for what EC2 alone has.
    """
    return dict(json.loads(_run(host, namespace, _AWS, _CRAWL, "")))


def _run(
    host: PrivateHost, namespace: str, source: DataSource, script: str, configuration: str
) -> str:
    done = subprocess.run(
        host.command(
            *("ip", "netns", "exec", namespace, "unshare", "--mount", "--uts"),
            *(
                "sh",
                "-c",
                _AS_SUCH_A_MACHINE,
                "sh",
                str(debian_packages.unpacked("cloud-init", PACKAGES)),
            ),
            *(source.hypervisor_uuid, source.product_name, script),
            "drive" if source is CONFIG_DRIVE else "service",
        ),
        input=configuration,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
