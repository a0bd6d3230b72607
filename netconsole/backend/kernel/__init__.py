"""The packet filter as the kernel holds it, read whole."""
