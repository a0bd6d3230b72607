"""Words for people: numbers with their nouns. Pure."""


def count(number: int, noun: str) -> str:
    """Answer `1 step`, `2 steps`, `3 addresses`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
