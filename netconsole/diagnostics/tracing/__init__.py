"""The tracer: one packet is sent, marked, and followed by the kernel's own trace."""
