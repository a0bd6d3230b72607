"""Debian's programs that ask a metadata service in guests: Ignition, and two that print answers."""

from typing import Final

import debian_packages

PACKAGES: Final = ("ignition", "cloud-guest-utils", "amazon-ec2-utils")
_NAME: Final = "guest-programs"

IGNITION: Final = "usr/lib/dracut/modules.d/30ignition/ignition"
CLOUD_UTILS: Final = "usr/bin/ec2metadata"
AMAZON_UTILS: Final = "usr/bin/ec2-metadata"


def why_not() -> str | None:
    """Return why they cannot be run here; None where they can."""
    return debian_packages.why_not(_NAME, PACKAGES)


def program(path: str) -> str:
    """Return where one of them is, fetched where missing."""
    return str(debian_packages.unpacked(_NAME, PACKAGES) / path)
