"""The parts of a snapshot: what there is to know, as frozen dataclasses. One module a subject.

Pure; `evidence` reads them, `checks` judge by them, `saved` writes them down. Their fields hold
text, numbers, moments, and tuples and mappings of these, so that a file can carry them.
"""
