"""Settings of connection tracking, and what keeps them at boot. Pure."""

from collections.abc import Mapping

from netconsole.backend.steps import Plan
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.settings import DropIns
from netconsole.diagnostics.reasoning.module_drop_ins import at_boot

MODULE = "nf_conntrack"
COUNT = "net/netfilter/nf_conntrack_count"
MAX = "net/netfilter/nf_conntrack_max"
BUCKETS = "net/netfilter/nf_conntrack_buckets"
LIBERAL = "net/netfilter/nf_conntrack_tcp_be_liberal"
ESTABLISHED = "net/netfilter/nf_conntrack_tcp_timeout_established"


def make_permanent(snapshot: Snapshot, settings: Mapping[str, str]) -> tuple[Plan | None, str]:
    """Plan that these settings are made at boot, and say what becomes of them as things are.

    They exist only while the module is loaded, so that it has to come before systemd-sysctl
    (sysctl.d(5)).
    """
    plan, permanence = snapshot.part(DropIns).make_permanent(settings)
    if plan is None:
        return None, permanence
    modules = snapshot.part(Modules)
    load, loaded = at_boot(modules.get(MODULE), modules.ours)
    if load:
        permanence = f"{permanence}; {MODULE} has to be there before: {loaded}"
    return Plan((*load.steps, *plan.steps)), permanence
