"""The lines that iptables-restore(8) and ebtables-restore take, and where each applies. Pure."""


def parts(line: str) -> tuple[str, str, str]:
    """Return the command of a line, its chain, and the rest; `:CHAIN` makes the chain."""
    if line.startswith(":"):
        return ":", line[1:].split(" ", 1)[0], ""
    command, _, rest = line.partition(" ")
    chain, _, rest = rest.partition(" ")
    return command, chain, rest


def place_of(line: str) -> tuple[str, str]:
    """Return the chain of a line and the text of its rule, which one deleted by number has not."""
    command, chain, rest = parts(line)
    if command in ("-I", "-D"):
        number, _, spec = rest.partition(" ")
        if number.isdigit():
            return chain, spec
    return chain, rest
