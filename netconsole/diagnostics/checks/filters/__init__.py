"""Checks of the packet filter: what others drop, and in which kind of tables."""
