"""No secret stays in a text, and what is no secret stays as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netconsole.diagnostics.redaction import redacted, redacted_document

SECRET = "hunter2-XyZ"  # noqa: S105  it protects nothing


@pytest.mark.parametrize(
    "text",
    [
        f"connection = mysql://nova:{SECRET}@db/nova",
        f"metadata_proxy_shared_secret={SECRET}",
        f"ldap_dns_password : {SECRET}",
        f"ldap_dns_password = '{SECRET} and more'",
        f'{{"admin_token": "{SECRET}", "host": "h"}}',
        f"qemu --secret {SECRET} -name web1",
        f"Authorization: Basic {SECRET}",
        f"X-Auth-Token: {SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\nabc\n{SECRET}\n-----END RSA PRIVATE KEY-----\n",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
        f"API_KEY={SECRET}; export API_KEY",
    ],
)
def test_a_secret_is_removed(text: str) -> None:
    assert SECRET not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "-A nova-network-PREROUTING -d 203.0.113.129/32 -j DNAT --to-destination 10.0.0.2",
        "net.ipv4.conf.eth0.rp_filter = 1",
        "dnsmasq --interface=br100 --dhcp-range=set:vmnet,10.0.0.2,static",
        "passed; the key of the matter: tokens are counted",
        "http://169.254.169.254/latest/meta-data/public-keys/0=mykey",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redacted(text) == text


@given(st.text(alphabet="abcXYZ019-_.!", min_size=1, max_size=20))
def test_json_stays_json(secret: str) -> None:
    again = json.loads(redacted(json.dumps({"a_password": secret, "b": [1, "x"]}, indent=1)))
    assert again == {"a_password": "(removed)", "b": [1, "x"]}


def test_a_document_of_json_stays_one() -> None:
    told = {"content": "password = hunter2", "steps": ["psk: hunter2", 7, None, True]}
    expected = {"content": "password = (removed)", "steps": ["psk: (removed)", 7, None, True]}
    assert redacted_document(told) == expected


@given(st.text(min_size=1))
def test_in_a_document_a_secret_is_known_by_its_name(secret: str) -> None:
    told = {"admin_token": secret, "rows": [{"a_password": secret, "Secret": ""}], "tokens": 3}
    expected = {
        "admin_token": "(removed)",
        "rows": [{"a_password": "(removed)", "Secret": ""}],
        "tokens": 3,
    }
    assert redacted_document(told) == expected
