"""Which policies of IPsec refuse a packet."""

from netconsole.diagnostics.tracing.ipsec_policies import blocking

TOLD = """\
src 10.0.0.0/24 dst 0.0.0.0/0 
\tdir fwd action block priority 0 ptype main 
src 10.0.0.0/24 dst 192.0.2.0/24 
\tdir out priority 0 ptype main 
\ttmpl src 0.0.0.0 dst 0.0.0.0
\t\tproto esp reqid 0 mode transport
src fd00::/64 dst ::/0 
\tdir fwd action block priority 0 ptype main 
"""  # noqa: W291  as ip(8) writes it


def test_those_that_refuse_it_are_named_and_no_others() -> None:
    (found,) = blocking(TOLD, "10.0.0.2", "192.0.2.1")
    assert "src 10.0.0.0/24 dst 0.0.0.0/0 dir fwd action block" in found
    assert list(blocking(TOLD, "10.0.1.2", "192.0.2.1")) == []
