"""Checks of addresses given to guests: dnsmasq, its files, its answers."""
