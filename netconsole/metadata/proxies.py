"""Proxies: what a proxy before the service says of whose request it is. Pure."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from netconsole.backend.model.secret import Secret
from netconsole.backend.model.text import encoded

FORWARDED_FOR: Final = "X-Forwarded-For"
INSTANCE_ID: Final = "X-Instance-ID"
TENANT_ID: Final = "X-Tenant-ID"
SIGNATURE: Final = "X-Instance-ID-Signature"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """For which instance, of which project, a proxy asks that knows the secret."""

    instance: str
    project: str
    address: str


@dataclass(frozen=True, slots=True)
class ProxyRefusal:
    """Why a proxy's request is not answered, as an HTTP status and a line for the log."""

    status: int
    because: str


def forwarded_address(value: str) -> str | None:
    """Return the address for which a proxy asks by X-Forwarded-For; None where it says none.

    Of several it is the last, which that proxy has seen itself: those before it are what it was
    told.
    """
    try:
        return str(IPv4Address(value.rpartition(",")[2].strip()))
    except ValueError:
        return None


def signed_request(headers: Mapping[str, str], secret: Secret) -> SignedRequest | ProxyRefusal:
    """Return for whom a proxy asks by nova's headers, which neutron's proxy sets.

    The signature is the hexadecimal HMAC-SHA256 of the instance's uuid by the shared secret.
    Without a secret nobody can sign.
    """
    values = []
    for name in (INSTANCE_ID, TENANT_ID, SIGNATURE, FORWARDED_FOR):
        value = headers.get(name, "").strip()
        if not value:
            return ProxyRefusal(400, f"{name} is missing")
        values.append(value)
    instance, project, signature, address = values
    if not secret.revealed:
        return ProxyRefusal(403, "metadata_proxy_shared_secret is not set")
    expected = hmac.new(encoded(secret.revealed), encoded(instance), "sha256").hexdigest()
    if not hmac.compare_digest(expected.encode(), encoded(signature)):
        return ProxyRefusal(403, "the signature is not of metadata_proxy_shared_secret")
    return SignedRequest(instance, project, address)
