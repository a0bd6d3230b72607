"""What an instance is told, as options say it."""

import io

import pytest

from netconsole.backend.model.errors import InvalidValue
from netconsole.cli.frame.context import Context
from netconsole.cli.guest_options import GuestOptions, details

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
