"""The project's outside: what is installed is what is needed."""

import re
import tomllib
from pathlib import Path

from netconsole.lab.sandbox.commands import PACKAGES

DECODING = {
    "netconsole/backend/model/text.py": "here, and nowhere else, bytes from outside become text",
    "netconsole/backend/configuration/option_files.py": "an admin's file may be UTF-16 or Latin-1",
}
"""The modules that decode bytes, and why."""

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def normalised(requirement: str) -> str:
    """The name in a requirement, as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=~! ;\[]", requirement)[0]).lower()


def test_debian_packages_hold_what_the_lab_needs() -> None:
    lines = (ROOT / "debian-packages.txt").read_text().splitlines()
    listed = {line for line in lines if not line.startswith("#")}
    assert set(PACKAGES.values()) <= listed
    assert len(listed) == len([line for line in lines if not line.startswith("#")])


def test_every_dependency_is_pinned_with_a_hash() -> None:
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    pins = re.findall(
        r"^([a-z0-9-]+)==\S+(?: ; [^\\\n]+)? \\\n    --hash=sha256:",
        (ROOT / "locks" / "all.txt").read_text(),
        re.MULTILINE,
    )
    assert {normalised(one) for one in wanted} <= set(pins)


def test_textual_is_pinned_exactly_and_the_lock_agrees() -> None:
    (textual,) = [d for d in PROJECT["project"]["dependencies"] if d.startswith("textual")]
    assert re.fullmatch(r"textual==\d+\.\d+\.\d+", textual)
    assert f"{textual} " in (ROOT / "locks" / "all.txt").read_text()


def test_every_package_is_named_on_the_architecture_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text().partition("## The rooms")[2]
    packages = {path.parent.name for path in (ROOT / "netconsole").rglob("__init__.py")}
    unnamed = {name for name in packages - {"migrations", "versions"} if f"{name}/" not in page}
    assert not unnamed


def test_bytes_from_outside_are_decoded_in_one_place() -> None:
    """By `decoded`: what is no UTF-8 is kept there, and goes back to the kernel as it came."""
    sources = {path: path.read_text() for path in (ROOT / "netconsole").rglob("*.py")}
    deciding = re.compile(r"\.decode\(|surrogateescape|errors=\"replace\"")
    found = {str(path.relative_to(ROOT)) for path, text in sources.items() if deciding.search(text)}
    assert found == set(DECODING)


def test_no_two_classes_have_one_name() -> None:
    sources = (path.read_text() for path in (ROOT / "netconsole").rglob("*.py"))
    named = [name for text in sources for name in re.findall(r"^class ([A-Z]\w*)", text, re.M)]
    assert {name for name in named if named.count(name) > 1} == set()
