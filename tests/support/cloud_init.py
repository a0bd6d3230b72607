"""Debian's cloud-init as it runs in a guest: it finds its data and configures a scratch root."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from private_host import PrivateHost

PACKAGES: Final = (
    *("cloud-init", "python3-attr", "python3-certifi", "python3-chardet", "python3-configobj"),
    *("python3-idna", "python3-jinja2", "python3-json-pointer", "python3-jsonpatch"),
    *("python3-jsonschema", "python3-markupsafe", "python3-netifaces", "python3-oauthlib"),
    *("python3-pyrsistent", "python3-requests", "python3-serial", "python3-six"),
    *("python3-urllib3", "python3-yaml"),
)
"""What it is made of; the rest of what it names is not needed here, or is there."""
_UNPACKED: Final = Path(__file__).parents[2] / "build" / "cloud-init"
_READY: Final = _UNPACKED / "ready"

_CONFIGURATION: Final = """\
datasource_list: [{source}]
disable_root: false
users: []
cloud_init_modules: [set_hostname, ssh]
cloud_config_modules: []
cloud_final_modules: [scripts-user]
ssh_deletekeys: false
ssh_genkeytypes: []
system_info:
  distro: debian
  network: {{renderers: [networkd]}}
"""
_RUN: Final = """
set -e
mount -t tmpfs tmpfs /root
mkdir -p /root/.ssh
rm -rf /run/cloud-init /var/lib/cloud/instance* /etc/systemd/network
mkdir -p /etc/cloud /etc/systemd/network
cat > /etc/cloud/cloud.cfg
export PYTHONPATH=$1/usr/lib/python3/dist-packages
for stage in "init --local" "init" "modules --mode=config" "modules --mode=final"; do
    /usr/bin/python3 $1/usr/bin/cloud-init $stage
done
for file in /run/cloud-init/cloud-id /etc/hostname /root/.ssh/authorized_keys \\
    /var/lib/cloud/instance/user-data.txt /etc/systemd/network/*; do
    echo "== $file"
    cat "$file"
done
"""


def is_there() -> bool:
    """Whether it was fetched before."""
    return _READY.exists()


def configured(host: PrivateHost, namespace: str, source: str) -> dict[str, str]:
    """Let a guest in a network namespace of the host start with one source of data.

    Returns the files that it wrote, by their paths.
    """
    done = subprocess.run(
        host.command(
            *("ip", "netns", "exec", namespace, "unshare", "--mount", "--uts"),
            *("sh", "-c", _RUN, "sh", str(_fetched())),
        ),
        input=_CONFIGURATION.format(source=source),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    _, *found = re.split(r"^== (.*)\n", done.stdout, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def _fetched() -> Path:
    """Fetch its packages where they are missing. Only unpacked: installed, it would start."""
    if not _READY.exists():
        with tempfile.TemporaryDirectory(prefix="netconsole-cloud-init-") as directory:
            download = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *PACKAGES)
            subprocess.run(download, cwd=directory, check=True, timeout=600)
            _UNPACKED.mkdir(parents=True, exist_ok=True)
            for package in sorted(Path(directory).glob("*.deb")):
                unpack = ("dpkg-deb", "--extract", str(package), str(_UNPACKED))
                subprocess.run(unpack, check=True, timeout=600)
        _READY.touch()
    return _UNPACKED
