"""Which rules of nftables the iptables programs can put into words. Pure.

They share their tables with nft, and print of a rule that nft made what they understand of it: a
set, a map, a range of addresses is silently left out, so that `ip saddr @list drop` reads
`-j DROP`, with exit status 0 (measured with iptables 1.8.9; 1.8.10 and 1.8.11 read no more of
them). What they make themselves is of few expressions; a rule that is of others is not theirs.
"""

from typing import Final

from netconsole.backend.filtering.nf_messages import Expression, KernelRule, NfFamily, verdict

_ALWAYS: Final = frozenset({"counter", "match", "target", "bitwise", "limit"})
"""Extensions of iptables itself among them; a limit that it cannot say makes it refuse."""
_TRANSPORT: Final = 2
"""Where a payload is taken from: NFT_PAYLOAD_TRANSPORT_HEADER."""
_IP_FIELDS: Final = {6: 2, 8: 1, 9: 1, 12: 4, 16: 4}
"""Fragment, time to live, protocol, source and destination: offset and greatest length."""
_IP6_FIELDS: Final = {6: 1, 7: 1, 8: 16, 24: 16}
_BRIDGED_FIELDS: Final = {1: 1, 9: 1, 12: 4, 16: 4}
_NETWORK_FIELDS: Final = {"ip": _IP_FIELDS, "ip6": _IP6_FIELDS, "bridge": _BRIDGED_FIELDS}
_TRANSPORT_FIELDS: Final = {0: 4, 1: 1, 2: 2, 13: 1}
"""Ports, type and code of ICMP, the flags of TCP."""
_META_KEYS: Final = frozenset({1, 3, 4, 5, 6, 7, 16, 19})
"""Protocol, mark, the interfaces, the layer-4 protocol, the packet's type (enum nft_meta_keys)."""
_TRACE: Final = 12
_EQUAL: Final = frozenset({0, 1})
"""NFT_CMP_EQ and NFT_CMP_NEQ."""
_REGISTER, _BASE, _OFFSET, _LENGTH, _WRITTEN = 1, 2, 3, 4, 5
"""Of a payload; what it has of the last is written into the packet."""


def is_worded(rule: KernelRule, family: NfFamily) -> bool:
    """Whether what iptables, ip6tables or ebtables prints of a rule is all of it."""
    names = [expression.name for expression in rule.expressions]
    if names.count("counter") > 1 or ("log" in names and "immediate" in names):
        return False  # one of the two is left out
    loaded: Expression | None = None
    for expression in rule.expressions:
        if not _is_worded(expression, loaded, family):
            return False
        if expression.name in ("payload", "meta"):
            loaded = expression
    return True


def _is_worded(expression: Expression, loaded: Expression | None, family: NfFamily) -> bool:
    match expression.name:
        case "payload":
            return _is_field(expression, family)
        case "meta":
            written = expression.number(3) >= 0
            return expression.number(2) in ({_TRACE} if written else _META_KEYS)
        case "cmp":
            return expression.number(2) in _EQUAL or _is_of_port(loaded)
        case "range":
            return _is_of_port(loaded)
        case "immediate":
            return verdict(expression)[0] != ""
        case "log":
            return expression.number(1) >= 0  # a group: that of NFLOG
    return expression.name in _ALWAYS


def _is_field(payload: Expression, family: NfFamily) -> bool:
    offset, length = payload.number(_OFFSET), payload.number(_LENGTH)
    if payload.number(_WRITTEN) >= 0:
        return False
    match payload.number(_BASE):
        case 0:
            return family == "bridge"
        case 1:
            return length <= _NETWORK_FIELDS[family].get(offset, 0)
        case 2:
            return length <= _TRANSPORT_FIELDS.get(offset, 0)
    return False


def _is_of_port(loaded: Expression | None) -> bool:
    return loaded is not None and loaded.name == "payload" and loaded.number(_BASE) == _TRANSPORT


def jump(rule: KernelRule) -> str:
    """Return a rule that does nothing but jump in the words of iptables, else nothing."""
    said = [expression for expression in rule.expressions if expression.name != "counter"]
    if [expression.name for expression in said] != ["immediate"]:
        return ""
    word, aim = verdict(said[0])
    return {"jump": f"-j {aim}", "goto": f"-g {aim}"}.get(word, "")


def counted(rule: KernelRule) -> tuple[int, int]:
    """Return the packets and bytes that a rule counted; 0 where it does not count."""
    counter = next((each for each in rule.expressions if each.name == "counter"), None)
    return (counter.number(2), counter.number(1)) if counter else (0, 0)
