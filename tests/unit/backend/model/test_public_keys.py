"""Public keys, held against what ssh-keygen(1) says of them."""

import base64
import subprocess
from pathlib import Path

import pytest
from guest_samples import PUBLIC_KEY

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.public_keys import PublicKey, parse

KINDS = [("rsa", 2048), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521), ("ed25519", 256)]


def keygen(*arguments: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def read(text: str) -> PublicKey:
    return parse("key", "my.pub", text)


@pytest.mark.requires("ssh-keygen")
@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_a_key_has_the_fingerprint_that_ssh_keygen_shows(
    kind: str, bits: int, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    keygen("-q", "-t", kind, "-b", str(bits), "-N", "", "-C", "a comment", "-f", str(file))
    text = file.with_suffix(".pub").read_text()
    key = read(f"# of somebody\n\n{text}")
    assert key.line == text.strip()
    assert f"MD5:{key.fingerprint} " in keygen(
        "-l", "-E", "md5", "-f", str(file.with_suffix(".pub"))
    )
    with pytest.raises(InvalidValue, match=r"my\.pub.*is a private key") as private:
        read(file.read_text())
    assert file.read_text().splitlines()[1] not in str(private.value)
    for form in ("RFC4716", "PKCS8"):
        if (kind, form) != ("ed25519", "PKCS8"):
            other = keygen("-e", "-m", form, "-f", str(file))
            with pytest.raises(InvalidValue, match=f"ssh-keygen -i -m {form}"):
                read(other)


def test_the_guide_s_key_is_one() -> None:
    assert read(PUBLIC_KEY).line == PUBLIC_KEY


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "ssh-rsa", "ssh-rsa AAAA", "hello", "ssh-rsa !!!! x", "ssh-rsa \u00e4"),
        f"{PUBLIC_KEY}\n{PUBLIC_KEY}",
        f"ssh-ed25519 {PUBLIC_KEY.split()[1]}",
        f"ssh-rsa {PUBLIC_KEY.split()[1][:-8]}",
        f"{PUBLIC_KEY.split()[0]} {PUBLIC_KEY.split()[1]}AAAA",
        f'command="rm" {PUBLIC_KEY}',
        f"{PUBLIC_KEY} \x1b[2J",
        f"ssh-rsa {base64.b64encode(bytes(4)).decode()}",
        f"{PUBLIC_KEY} {'x' * 20000}",
    ],
)
def test_what_is_no_key_is_refused_by_the_name_of_its_file(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"my\.pub.*must hold one public key"):
        read(text)


def test_a_private_key_of_putty_is_known_too() -> None:
    with pytest.raises(InvalidValue, match="is a private key"):
        read("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")
