"""Checks of the way through this host: routes, reverse paths, sizes, tracked connections."""
