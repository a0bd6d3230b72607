"""Tokens by which guests show that they asked once."""

import base64

import pytest

from netconsole.metadata.tokens import TokenKey, lifetime


@pytest.mark.parametrize(("value", "seconds"), [("1", 1), ("21600", 21600), ("0060", 60)])
def test_a_lifetime_is_of_one_second_to_six_hours(value: str, seconds: int) -> None:
    assert lifetime(value) == seconds


@pytest.mark.parametrize(
    "value", [None, "", "0", "21601", "-1", "1.5", "1e3", " 60", "٦٠", "9" * 99]
)
def test_no_other_lifetime_is_given(value: str | None) -> None:
    assert lifetime(value) is None


def test_a_token_is_its_instances_until_its_end() -> None:
    key = TokenKey()
    token = key.issue("one", 60, 1000.0)
    assert key.holds(token, "one", 1059.9)
    assert not key.holds(token, "one", 1060.0)
    assert not key.holds(token, "two", 1000.0)
    assert not TokenKey().holds(token, "one", 1000.0), "another key, as after a restart"
    assert key.issue("one", 60, 1000.0) != token


@pytest.mark.parametrize("where", [0, 8, 16, 47])
def test_a_token_is_good_as_it_was_given_alone(where: int) -> None:
    key = TokenKey()
    data = bytearray(base64.urlsafe_b64decode(key.issue("one", 60, 1000.0)))
    data[where] ^= 1
    assert not key.holds(base64.urlsafe_b64encode(data).decode(), "one", 1000.0)


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 100_000, "====", "\udcff", "AAAA"])
def test_what_is_no_token_holds_nothing(token: str) -> None:
    assert not TokenKey().holds(token, "one", 0.0)
