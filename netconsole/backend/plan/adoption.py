"""Addresses that a host has before the store asks for them: they are others', and stay. Pure.

Whoever configures a bridge may give it the address that is to be a network's gateway, and an
interface one of a range of floating addresses. An address that is made by us is not among them.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.addresses import gateway_addresses, metadata_addresses
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.hoststate import Address, Observed, Place
from netconsole.backend.model.records import Records
from netconsole.backend.plan import ownership
from netconsole.backend.steps import AddAddress, MoveAddresses, Plan


def noted(
    observed: Observed,
    before: Records,
    after: Records,
    released: Iterable[Address],
    options: Options,
) -> frozenset[Place]:
    """Return the places of addresses of others: those known, and those that a change is first to
    name.

    It asks for them, or has them `released` though this host was never asked for them. On whatever
    interface: it may become a port of the bridge that the network has.
    """
    named = _asked_for(after, options) | {each.address for each in released}
    new = named - _asked_for(before, options)
    found = {each[:2] for each in observed.addresses if each.address in new}
    return after.former_addresses | found


def asked_before(
    found: Records, later: Collection[str], observed: Observed, networks_path: str
) -> Records:
    """Return what of the records this host was asked for already, which may be one of several.

    `later` are the floating addresses that came with changes after the one of its mark. A host
    that has neither mark nor anything of ours was asked for nothing since it started.
    """
    if observed.mark is None and not ownership.objects(observed, networks_path):
        return Records()
    known = tuple(each for each in found.floating_ips if each.address not in later)
    return replace(found, floating_ips=known)


def kept(records: Records, options: Options, steps: Plan) -> frozenset[Place]:
    """Return what of that is to be remembered once the steps are taken, with each where it is
    then."""
    taken = {
        (move.old, words[0]): move.new
        for move in steps.steps
        if isinstance(move, MoveAddresses)
        for words in move.addresses
    }
    asked = _asked_for(records, options)
    stay = {
        (taken.get(place, place[0]), place[1])
        for place in records.former_addresses
        if place[1] in asked
    }
    return frozenset(stay - made(steps))


def made(steps: Plan) -> set[Place]:
    """Return the places of the addresses that steps put on."""
    return {(step.interface, step.address) for step in steps.steps if isinstance(step, AddAddress)}


def _asked_for(records: Records, options: Options) -> set[str]:
    """The gateways of the networks that the host serves, that of the metadata service, and all
    floating addresses."""
    presence = Presence(records, options)
    gateways = {
        address.address for network in presence.served for address in gateway_addresses(network)
    }
    of_metadata = {address.address for address in metadata_addresses(presence)}
    return gateways | of_metadata | {f"{floating.address}/32" for floating in records.floating_ips}
