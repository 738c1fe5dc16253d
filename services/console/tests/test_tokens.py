"""Who may use the API."""

from hashlib import sha256

import pytest

from console.domain.tokens import holder_of, token_names

ADA, BOB = "token-of-ada", "token-of-bob"
NAMES = token_names(f"ada:{sha256(ADA.encode()).hexdigest()}, {sha256(BOB.encode()).hexdigest().upper()}")


@pytest.mark.parametrize(("token", "holder"), [(ADA, "ada"), (BOB, "api"), ("other", None), ("", None)])
def test_a_token_is_known_by_its_digest(token: str, holder: str | None) -> None:
    assert holder_of(f"Bearer {token}".encode(), NAMES) == holder


@pytest.mark.parametrize("header", [b"", b"Bearer", f"Basic {ADA}".encode(), ADA.encode(), b"\xff \xff"])
def test_anything_but_a_bearer_token_is_nobody(header: bytes) -> None:
    assert holder_of(header, NAMES) is None


@pytest.mark.parametrize("setting", ["", " , ", "abc", "ada:" + "g" * 64, "a" * 63, "n" * 65 + ":" + "a" * 64])
def test_a_setting_that_admits_nobody_or_is_misspelt_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"digest|name"):
        token_names(setting)
