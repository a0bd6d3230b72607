"""What a proxy says of whose request it is."""

import hashlib
import hmac

import pytest
from multidict import CIMultiDict

from netconsole.backend.model.secret import Secret
from netconsole.metadata.proxies import (
    ProxyRefusal,
    SignedRequest,
    forwarded_address,
    signed_request,
)

SECRET = Secret("between us")
UUID = "11111111-2222-3333-4444-555555555555"


def headers(**changed: str | None) -> CIMultiDict[str]:
    signature = hmac.new(SECRET.revealed.encode(), UUID.encode(), hashlib.sha256).hexdigest()
    given: dict[str, str | None] = {
        "x-instance-id": UUID,
        "X-Tenant-ID": "demo",
        "X-Instance-ID-Signature": signature,
        "X-Forwarded-For": "10.0.0.3",
    }
    given |= {name.replace("_", "-"): value for name, value in changed.items()}
    return CIMultiDict({name: value for name, value in given.items() if value is not None})


def status(found: SignedRequest | ProxyRefusal) -> int:
    return found.status if isinstance(found, ProxyRefusal) else 200


def test_a_signed_request_is_for_the_instance_that_it_names() -> None:
    assert signed_request(headers(), SECRET) == SignedRequest(UUID, "demo", "10.0.0.3")


@pytest.mark.parametrize(
    "name", ["x-instance-id", "X-Tenant-ID", "X-Instance-ID-Signature", "X-Forwarded-For"]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_without_one_of_its_headers_it_is_a_bad_one(name: str, value: str | None) -> None:
    assert status(signed_request(headers(**{name.replace("-", "_"): value}), SECRET)) == 400


@pytest.mark.parametrize("signature", ["0" * 64, "é", "\udcff", "x" * 10_000])
def test_by_another_signature_it_is_forbidden(signature: str) -> None:
    assert status(signed_request(headers(X_Instance_ID_Signature=signature), SECRET)) == 403


def test_another_instance_is_not_what_was_signed() -> None:
    assert status(signed_request(headers(x_instance_id="another"), SECRET)) == 403


def test_without_a_secret_nobody_can_sign() -> None:
    empty = hmac.new(b"", UUID.encode(), hashlib.sha256).hexdigest()
    assert status(signed_request(headers(X_Instance_ID_Signature=empty), Secret(""))) == 403


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("10.0.0.3", "10.0.0.3"),
        (" 10.0.0.3 ", "10.0.0.3"),
        ("10.0.0.9, 10.0.0.3", "10.0.0.3"),
        ("10.0.0.3, unknown", None),
        ("", None),
        ("10.0.0.3:80", None),
        ("web1", None),
    ],
)
def test_of_several_addresses_the_proxys_own_word_counts(value: str, address: str | None) -> None:
    assert forwarded_address(value) == address
