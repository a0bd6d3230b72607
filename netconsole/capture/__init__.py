"""Capture: the same packets seen at several interfaces, and what became of them in between.

`saved.compare` reads files, `diagnostics.probes.live_capture` captures through `ring` and
`filters`; both feed an `analysis.Analysis`, which is pure like the rest.
"""
