"""Claims: each fault of the lab is named, and by one check alone.

Every fault is broken in a lab, the doctor is asked, with probes, and the fault is mended. What is
printed is a confusion matrix: a row a fault, a column each check that found something in any row;
F where it says FAIL, W where it warns, ? where it could not tell. The ratio is that of the faults
that are named. Some faults ask for a network of their own kind, or for traffic that a lab does not
have by itself: those are listed, and not counted.

`bench/diagnosis.py FAULT...` tries these alone.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from enclosed.labs import INSIDE, NETCONSOLE, lines_of_lab

MANAGERS = ("flatdhcp", "vlan")
SIGNS = {"fail": "F", "warn": "W", "unknown": "?"}
LIMIT = 300.0
"""Seconds for one command."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor said of a lab in which one thing is broken."""

    fault: str
    verdicts: Mapping[str, str]
    """Sign of each check that found something, or could not tell."""
    not_here: str = ""
    """Why it could not be broken."""

    @property
    def is_named(self) -> bool:
        """Whether a check found something."""
        return any(sign in "FW" for sign in self.verdicts.values())


def table(diagnoses: Sequence[Diagnosis]) -> str:
    """Return the matrix: names of the checks downwards above their columns, then the rows."""
    found = {name for each in diagnoses for name in each.verdicts}
    checks = sorted(found, key=lambda name: _first(name, diagnoses))
    width = max((len(each.fault) for each in diagnoses), default=0)
    height = max(map(len, checks), default=0)
    heads = [
        " " * (width + 1) + " ".join(name.rjust(height)[line] for name in checks)
        for line in range(height)
    ]
    rows = [
        f"{each.fault:{width}} " + " ".join(each.verdicts.get(name, "·") for name in checks)
        for each in diagnoses
    ]
    return "\n".join(line.rstrip() for line in (*heads, *rows))


def _first(check: str, diagnoses: Sequence[Diagnosis]) -> int:
    """Return the row in which a check is met first: so the matrix is about a diagonal."""
    return next(at for at, each in enumerate(diagnoses) if check in each.verdicts)


def main(faults: Sequence[str]) -> None:
    diagnoses: dict[str, Diagnosis] = {}
    for manager in MANAGERS:
        missing = [name for name, each in diagnoses.items() if each.not_here]
        if diagnoses and not missing:
            break
        for each in _in_lab(manager, missing or faults):
            if not each.not_here or each.fault not in diagnoses:
                diagnoses[each.fault] = each
    tried = [each for each in diagnoses.values() if not each.not_here]
    print(table(tried))
    for each in diagnoses.values():
        if each.not_here:
            print(f"not tried: {each.fault}: {each.not_here}")
    named = [each for each in tried if each.is_named]
    alone = [each for each in named if len(each.verdicts) == 1]
    print(
        f"{len(named)} of {len(tried)} faults are named, {len(named) / max(len(tried), 1):.2f}; "
        f"{len(alone)} of them by one check alone"
    )
    if silent := [each.fault for each in tried if not each.is_named]:
        sys.exit(f"not named: {', '.join(silent)}")


def _in_lab(manager: str, faults: Sequence[str]) -> Iterable[Diagnosis]:
    """Yield what the doctor says of each fault, in one lab of this kind."""
    for line in lines_of_lab(*faults, manager=manager):
        told = json.loads(line)
        yield Diagnosis(told["fault"], told["verdicts"], told["not_here"])


def inside(faults: Sequence[str]) -> None:
    """On the host of a lab: break, ask, mend; one line of JSON each."""
    for fault in faults or _every_fault():
        broken = _netconsole("lab", "break", fault)
        verdicts = _verdicts() if broken.returncode == 0 else {}
        _netconsole("lab", "mend", fault)
        because = broken.stderr.strip() if broken.returncode else ""
        told = {"fault": fault, "verdicts": verdicts, "not_here": because}
        print(json.dumps(told), flush=True)


def _every_fault() -> Iterable[str]:
    return [each["id"] for each in json.loads(_netconsole("lab", "faults", "--json").stdout)]


def _verdicts() -> dict[str, str]:
    findings = json.loads(_netconsole("doctor", "--probe", "--json").stdout)["findings"]
    signs = ((each["check"], SIGNS.get(each["verdict"])) for each in findings)
    return {check: sign for check, sign in signs if sign is not None}


def _netconsole(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [NETCONSOLE, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == [INSIDE]:
        inside(given[1:])
    else:
        main(given)
