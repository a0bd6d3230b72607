"""The lab: a small cloud in network namespaces, and the faults to practise on.

`enclosure` makes the namespaces, `ground` the files and uplinks, `cloud` builds networks and
instances through the same verbs as any host, `faults` breaks things, `join` goes inside.
"""
