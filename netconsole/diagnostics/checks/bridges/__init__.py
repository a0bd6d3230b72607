"""Checks of the bridges, their ports, and the VLANs under them."""
