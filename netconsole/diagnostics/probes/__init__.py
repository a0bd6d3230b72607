"""The probes: they send packets, or watch traffic, where that was agreed to."""
