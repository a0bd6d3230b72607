"""netconsole: network controller and operations console for Linux virtual-machine hosts."""

__version__ = "0.1.0"
