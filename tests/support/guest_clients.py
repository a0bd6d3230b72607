"""What guests' programs ask of a metadata service, in the order in which they do.

As their documentation and sources have it: cloudbase-init (HttpService, EC2Service), Afterburn
(openstack, aws), Ignition (aws, and ec2 of its older versions).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from guest_samples import PUBLIC_KEY

TOKEN: Final = "X-aws-ec2-metadata-token"  # noqa: S105  the name of a header


@dataclass(frozen=True)
class Exchange:
    """A request, and what its program needs of the answer."""

    path: str
    status: int = 200
    body: str | None = None
    """The whole of it, with what differs from guest to guest in braces; None for any."""
    told: Mapping[str, object] = field(default_factory=dict)
    """What is in it among other things, where it is JSON."""
    options: tuple[str, ...] = ()
    """Of curl(1)."""
    is_token: bool = False
    """Whether those that follow send what it answers."""


def _values(version: str, **bodies: str) -> tuple[Exchange, ...]:
    """Requests for entries of EC2's API, each with its value."""
    return tuple(
        Exchange(f"/{version}/meta-data/{name.replace('_', '-')}", body=body)
        for name, body in bodies.items()
    )


_PASSWORD: Final = "/openstack/2013-04-04/password"  # noqa: S105  a path
_CLOUDBASE_OPENSTACK: Final = (
    Exchange(
        "/openstack/latest/meta_data.json",
        told={
            "uuid": "{uuid}",
            "hostname": "web1.novalocal",
            "meta": {"role": "web"},
            "public_keys": {"mykey": PUBLIC_KEY},
            "keys": [{"name": "mykey", "type": "ssh", "data": PUBLIC_KEY}],
        },
    ),
    Exchange("/openstack/latest/network_data.json"),
    Exchange("/openstack/content/0000", body="hello\n"),
    Exchange("/openstack/latest/user_data", body="{user_data}"),
    Exchange("/openstack/2013-04-04/meta_data.json", told={"name": "web1"}),
    Exchange(_PASSWORD, body=""),
    Exchange(_PASSWORD, options=("--data-binary", "ZW5jcnlwdGVk", "-H", "Content-Type:")),
    Exchange(_PASSWORD, body="ZW5jcnlwdGVk"),
    Exchange(_PASSWORD, 409, options=("--data-binary", "YW5vdGhlcg==", "-H", "Content-Type:")),
)
_KEY: Final = "meta-data/public-keys"
_CLOUDBASE_EC2: Final = (
    *_values("2009-04-04", local_hostname="web1.novalocal", instance_id="{ec2_id}"),
    Exchange(f"/2009-04-04/{_KEY}", body="0=mykey"),
    Exchange(f"/2009-04-04/{_KEY}/0/openssh-key", body=PUBLIC_KEY),
)
_AFTERBURN_OPENSTACK: Final = (
    *_values("latest", hostname="web1.novalocal", instance_id="{ec2_id}", instance_type="m1.small"),
    *_values("latest", local_ipv4="{fixed}", public_ipv4="{floating}"),
    Exchange(f"/latest/{_KEY}", body="0=mykey"),
    Exchange(f"/latest/{_KEY}/0/openssh-key", body=PUBLIC_KEY),
)
_ASK_TOKEN: Final = Exchange(
    "/latest/api/token", options=("-X", "PUT", "-H", f"{TOKEN}-ttl-seconds: 21600"), is_token=True
)
_AFTERBURN_AWS: Final = (
    _ASK_TOKEN,
    # It asks for a version that nova never had, and leaves out what is answered 404.
    Exchange("/2021-01-03/meta-data/instance-id", 404),
    Exchange("/2021-01-03/dynamic/instance-identity/document", 404),
    Exchange(f"/2021-01-03/{_KEY}", 404),
)
_IGNITION_AWS: Final = (
    _ASK_TOKEN,
    # As Afterburn: 404 is to it that there is no configuration.
    Exchange("/2019-10-01/user-data", 404),
)
_IGNITION_EC2: Final = (Exchange("/2009-04-04/user-data", body="{user_data}"),)

CLIENTS: Final[Mapping[str, tuple[Exchange, ...]]] = {
    "cloudbase-init HttpService": _CLOUDBASE_OPENSTACK,
    "cloudbase-init EC2Service": _CLOUDBASE_EC2,
    "Afterburn openstack": _AFTERBURN_OPENSTACK,
    "Afterburn aws": _AFTERBURN_AWS,
    "Ignition aws": _IGNITION_AWS,
    "Ignition ec2": _IGNITION_EC2,
}
WITH_TOKENS: Final = ("Afterburn aws", "Ignition aws")
"""Those that ask for a token first: where tokens are required, only these are answered."""
