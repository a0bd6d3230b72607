"""The sequences of the playbooks: which checks, in which order, and why."""

from netconsole.diagnostics.playbooks.playbook import Playbook, Stage

REVERSE_PATH = Playbook(
    "rp_filter",
    "Reverse-path filtering",
    "Packets arrive at an interface and are dropped, as replies would leave by another.",
    (Stage("rp_filter", "the kernel is asked, then a probe shows it"),),
    "Asks the kernel about every source that is known on an interface, then proves the answer: "
    "the replies to a few echo requests come in where the requests went out, and each that the "
    "filter drops moves its counter.",
)

SEQUENCES = (REVERSE_PATH,)
"""In the order in which they are listed."""
