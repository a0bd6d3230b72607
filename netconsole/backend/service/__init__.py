"""The one door: every verb, read and write."""
