"""What an instance is told, as options say it."""

import io

import pytest

from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.frame.context import Context
from netconsole.cli.guest_options import GuestOptions, details

WORD = "not for everybody"
NOTHING = dict.fromkeys(GuestOptions.__slots__) | {
    "keys": (),
    "meta": (),
    "files": (),
    "admin_password": False,
}


@pytest.mark.parametrize(
    "given",
    [
        {"files": ("/a=-", "/b=-")},
        {"user_data": "-", "files": ("/a=-",)},
        {"user_data": "-", "admin_password_file": "-"},
        {"user_data": "-", "admin_password": True},
    ],
)
def test_standard_input_is_read_once(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, object]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"content\n")))
    options = GuestOptions(**(NOTHING | given))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="'-': is standard input, which is read for"):
        details(Context(), options)


def test_it_may_be_read_for_one() -> None:
    options = GuestOptions(**(NOTHING | {"meta": ("a=b",)}))  # type: ignore[arg-type]
    assert details(Context(), options).meta == {"a": "b"}


@pytest.mark.parametrize("given", [{"admin_password": True}, {"admin_password_file": "-"}])
def test_a_password_comes_by_standard_input_where_nobody_can_be_asked(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, object]
) -> None:
    options = GuestOptions(**(NOTHING | given))  # type: ignore[arg-type]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{WORD}\nmore\n".encode())))
    assert details(Context(), options).admin_password == WORD
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InvalidValue, match="admin password '-': standard input has none"):
        details(Context(), options)
