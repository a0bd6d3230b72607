"""Which name was meant by another."""

import pytest

from netconsole.backend.model.spelling import nearest


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ip-forward", "ip_forward"), ("IP_FORWARD", "ip_forward"), ("upilnk", "uplink")],
)
def test_the_name_that_is_most_like_it_was_meant(written: str, meant: str) -> None:
    assert nearest(written, ("ip_forward", "uplink")) == meant


def test_where_none_is_like_it_none_was_meant() -> None:
    assert nearest("weather", ("ip_forward", "uplink")) is None
