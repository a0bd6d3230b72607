"""The one door: every verb, read and write, and the access mode that guards them."""
