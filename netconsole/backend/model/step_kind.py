"""Step kinds: the kinds of things on a host that can differ from the store. Pure."""

from typing import Final, Literal, get_args

StepKind = Literal["links", "addresses", "rules", "guards", "dnsmasq", "files", "settings"]
STEP_KINDS: Final[tuple[StepKind, ...]] = get_args(StepKind)
RepairTime = Literal["never", "boot", "always"]
"""When drift of a kind is mended: never, once the agent starts, or whenever it is seen."""
REPAIR_TIMES: Final[tuple[RepairTime, ...]] = get_args(RepairTime)
