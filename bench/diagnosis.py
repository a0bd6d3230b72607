"""Claims: each fault of the lab is named by the check that is built for it, and by that alone.

Every fault is broken in a lab, the doctor is asked, with probes, and the fault is mended. What is
printed is a confusion matrix: a row a fault, a column each check that found something in any row;
F where it says FAIL, W where it warns, ? where it could not tell, i where it tells of it as no
fault. The ratio is that of the faults that are named by the check built for them and by no other,
but for those that `BESIDE` has with a reason, which are printed as well. What a lab says that is
well is looked at first. A row that is not as it should be is tried once more, in a lab of its own.
What this machine's kernel cannot hold is tried in a virtual machine (`tests/vm/machine.py`).
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from enclosed import reader
from enclosed.labs import INSIDE, NETCONSOLE, lines_of_lab
from enclosed.named_by import BESIDE, check_of

SIGNS = {"fail": "F", "warn": "W", "unknown": "?", "info": "i"}
MACHINE = (sys.executable, str(Path(__file__).resolve().parents[1] / "tests/vm/machine.py"))
WELL = ""
"""Instead of a fault: a lab in which nothing is broken."""
LIMIT = 300.0
"""Seconds for one command."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor said of a lab in which one thing is broken."""

    fault: str
    verdicts: Mapping[str, str]
    """Sign of each check that found something, or could not tell, and says otherwise of a lab that
    is well; `i` of the check that is built for the fault only."""
    not_here: str = ""
    """Why it could not be broken."""

    @property
    def is_named(self) -> bool:
        """Whether the check that is built for it tells of it."""
        return self.verdicts.get(check_of(self.fault), "?") != "?"

    @property
    def astray(self) -> tuple[str, ...]:
        """What was named, or not known, beside it and without a reason."""
        expected = {check_of(self.fault), *BESIDE.get(self.fault, ())}
        return tuple(name for name in self.verdicts if name not in expected)

    @property
    def is_right(self) -> bool:
        """Whether it is named as it should be."""
        return self.is_named and not self.astray


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
    diagnoses = {each.fault: each for each in _in_lab(faults)}
    for fault in [each.fault for each in diagnoses.values() if not each.not_here]:
        if not diagnoses[fault].is_right:
            diagnoses.update({each.fault: each for each in _in_lab([fault])})
    if missing := [each.fault for each in diagnoses.values() if each.not_here]:
        diagnoses.update({each.fault: each for each in _in_lab(missing, within=MACHINE)})
    tried = [each for each in diagnoses.values() if not each.not_here]
    right = [each for each in tried if each.is_right]
    print(table(tried))
    for each in tried:
        for check, why in BESIDE.get(each.fault, {}).items():
            if check in each.verdicts:
                print(f"beside {check_of(each.fault)}, {check} names {each.fault}: {why}")
    print(
        f"{len(right)} of {len(tried)} faults are named by the check built for them, "
        f"{len(right) / max(len(tried), 1):.2f}"
    )
    if wrong := [line for each in diagnoses.values() for line in _wrong(each)]:
        sys.exit("\n".join(wrong))


def _wrong(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what of it is not as claimed."""
    fault = diagnosis.fault
    if diagnosis.not_here:
        yield f"not tried: {fault}: {diagnosis.not_here}"
        return
    if not diagnosis.is_named:
        yield f"not named: {fault}, by {check_of(fault)}"
    if diagnosis.astray:
        yield f"named beside {fault}: {', '.join(diagnosis.astray)}"


def _in_lab(faults: Sequence[str], within: Sequence[str] = ()) -> Iterable[Diagnosis]:
    """Yield what the doctor says of each fault, in one lab, on this machine or within another.

    Ends the script where the doctor names something in a lab that is well, but within another
    machine, whose kernel lacks something else: what it says of that is left out.
    """
    well: Mapping[str, str] = {}
    for line in lines_of_lab(*faults, within=within):
        if not line.startswith('["'):
            continue  # what else a machine's console says
        fault, verdicts, not_here = json.loads(line)
        if fault == WELL:
            well = verdicts
            named = sorted(check for check, sign in well.items() if sign != SIGNS["info"])
            if named and not within:
                sys.exit(f"named in a lab that is well: {', '.join(named)}")
            continue
        changed = {check: sign for check, sign in verdicts.items() if well.get(check) != sign}
        told = {
            check: sign
            for check, sign in changed.items()
            if sign != SIGNS["info"] or check == check_of(fault)
        }
        yield Diagnosis(fault, told, not_here)


def inside(faults: Sequence[str]) -> None:
    """On the host of a lab: ask, then break, ask, mend; one line of JSON each."""
    print(json.dumps((WELL, _verdicts(), "")), flush=True)
    for fault in faults or _every_fault():
        broken = _netconsole("lab", "break", fault)
        verdicts = _verdicts() if broken.returncode == 0 else {}
        _netconsole("lab", "mend", fault)
        because = broken.stderr.strip() if broken.returncode else ""
        print(json.dumps((fault, verdicts, because)), flush=True)


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
        arguments = reader()
        arguments.add_argument("faults", nargs="*", metavar="FAULT", help="Try these alone.")
        main(arguments.parse_args().faults)
