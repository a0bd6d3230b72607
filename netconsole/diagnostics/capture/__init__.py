"""Capture: the same packets seen at several interfaces, and what became of them in between.

`live.compare` captures, `saved.compare` reads files; both feed an `analysis.Analysis`, which is
pure like everything but `live`, `ring`, `filters`, `interfaces` and `saved`.
"""
