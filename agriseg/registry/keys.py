"""Who signed a model: this robot's key, and the keys of others that the user trusts.

Ed25519 (RFC 8032) by the `cryptography` package.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from agriseg.errors import RegistryError
from agriseg.registry.durable import locked, write_durably, write_json

KEY_NAME = "signing.key"
TRUSTED_NAME = "trusted.json"


def keys_directory() -> Path:
    """Return the user's folder of keys."""
    return Path(platformdirs.user_data_dir("agriseg", appauthor=False)) / "keys"


def fingerprint(public_key: bytes) -> str:
    """Return a public key's name for people: eight groups of four letters and digits.

    The first 160 bits of its SHA-256, in base 32.

    Examples
    --------
    >>> fingerprint(bytes(32))
    'MZUH-VLPY-MK6X-O3EP-YGFY-5H4O-EAEJ-OFEF'
    """
    text = base64.b32encode(hashlib.sha256(public_key).digest()[:20]).decode()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key that the user trusts.

    Attributes
    ----------
    public_key : bytes
        32 bytes.
    label : str
        Whose it is, as the user calls it.
    """

    public_key: bytes
    label: str

    @property
    def fingerprint(self) -> str:
        """The key's name for people."""
        return fingerprint(self.public_key)


class KeyRing:
    """The own key and the trusted ones, in one folder.

    Parameters
    ----------
    root : Path, optional
        The user's folder of keys by default.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = keys_directory() if root is None else root

    def own_public_key(self) -> bytes:
        """Return the public half of the own key, 32 bytes; the key is made when there is none.

        Raises
        ------
        RegistryError
            It cannot be read or written.
        """
        return self._own().public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Return a signature, 64 bytes.

        Raises
        ------
        RegistryError
            The own key cannot be read or written.
        """
        return self._own().sign(data)

    def trusted(self) -> list[TrustedKey]:
        """Return the keys of others that are trusted.

        Raises
        ------
        RegistryError
            Their file cannot be read.
        """
        path = self.root / TRUSTED_NAME
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return [
                TrustedKey(
                    public_key=base64.b64decode(one["public_key"], validate=True),
                    label=str(one["label"]),
                )
                for one in data["keys"]
            ]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RegistryError(
                f"{path}: cannot be read ({error}); mend it, or move it away to trust no one"
            ) from error

    def trust(self, public_key: bytes, label: str) -> None:
        """Trust a key from now on.

        Raises
        ------
        RegistryError
            It cannot be written down.
        """
        with locked(self.root / ".lock"):
            known = [one for one in self.trusted() if one.public_key != public_key]
            keys = [*known, TrustedKey(public_key=public_key, label=label)]
            listed = [
                {"public_key": base64.b64encode(one.public_key).decode(), "label": one.label}
                for one in keys
            ]
            write_json(self.root / TRUSTED_NAME, {"format_version": 1, "keys": listed})

    def is_trusted(self, public_key: bytes) -> bool:
        """Return whether a key is the own one or a trusted one."""
        path = self.root / KEY_NAME
        if path.is_file() and self.own_public_key() == public_key:
            return True
        return any(one.public_key == public_key for one in self.trusted())

    def _own(self) -> Ed25519PrivateKey:
        path = self.root / KEY_NAME
        with locked(self.root / ".lock"):
            if not path.exists():
                self._make(path)
            try:
                key = serialization.load_pem_private_key(path.read_bytes(), password=None)
            except (OSError, ValueError, TypeError) as error:
                raise RegistryError(
                    f"{path}: the key that signs models cannot be read ({error}); put back a copy, "
                    "or move it away: a new one is made, which other robots must trust anew"
                ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise RegistryError(f"{path}: expected an Ed25519 key, found {type(key).__name__}")
        return key

    def _make(self, path: Path) -> None:
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_durably(path, pem, mode=0o600)


def is_signed(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether a signature over some data is that of a key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
