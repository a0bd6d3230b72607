"""Checks of floating addresses."""
