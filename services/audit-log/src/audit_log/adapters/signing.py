"""Ed25519 keys (RFC 8032), by the cryptography package."""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from audit_log.domain.checkpoints import Checkpoint


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """Signs with one key, which lives in a file that only this service may read."""

    key: Ed25519PrivateKey

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the public key."""
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return sha256(public).hexdigest()[:16]

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        return replace(checkpoint, signature=b64encode(self.key.sign(checkpoint.signed_bytes)).decode())

    def is_genuine(self, checkpoint: Checkpoint) -> bool:
        if checkpoint.key_id != self.key_id:
            return False
        try:
            self.key.public_key().verify(b64decode(checkpoint.signature, validate=True), checkpoint.signed_bytes)
        except (InvalidSignature, ValueError):
            return False
        return True


def load_signer(path: Path) -> Ed25519Signer:
    """The key in ``path`` (PKCS 8 PEM); a new one is made where there is none, readable by its owner alone.

    Raises:
        TypeError: the file holds another kind of key.
        ValueError: the file holds no key.
    """
    if not path.exists():
        _create(path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{path} holds no Ed25519 key; give another file in FLYBALL_AUDIT_KEY_FILE")
    return Ed25519Signer(key)


def _create(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        # Another replica was faster; its key is the one.
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
