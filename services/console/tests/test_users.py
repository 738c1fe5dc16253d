"""Local users: read from lines, known by their passwords, and never agents."""

import pytest

from console.adapters.passwords import Passwords
from console.domain.roles import Role
from console.domain.users import users_by_name
from console.pages.attempts import Attempts
from console.pages.signing_in import inside
from console.passwords import line_of

LINE = line_of("Ada", "reviewer", "correct horse battery")


async def test_a_user_is_known_by_name_and_password() -> None:
    user = users_by_name(f"# people\n\n{LINE}\n")["ada"]
    assert (user.caller.name, user.caller.role) == ("Ada", Role.REVIEWER)
    passwords = Passwords()
    assert await passwords.match("correct horse battery", user.password_hash)
    assert not await passwords.match("correct horse", user.password_hash)
    assert not await passwords.match("the password of nobody", None)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("ada:admin:secret", "line 1: no argon2id hash"),
        (LINE.replace("reviewer", "agent"), "agents have tokens"),
        (LINE.replace("reviewer", "root"), "is no role"),
        (f"{LINE}\n{LINE.replace('Ada', 'ADA')}", "line 2: ADA is there twice"),
    ],
)
def test_a_line_that_is_misspelt_is_refused_with_its_number(text: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        users_by_name(text)


def test_a_short_password_is_refused() -> None:
    with pytest.raises(ValueError, match="12 characters"):
        line_of("ada", "admin", "short")


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb"])
def test_nobody_is_sent_elsewhere_after_signing_in(target: str) -> None:
    assert inside(target) == "/"
    assert inside("/systems/a?dimension=b") == "/systems/a?dimension=b"


def test_tries_are_counted_by_name_and_by_address() -> None:
    attempts = Attempts()
    assert [attempts.allow("ada", "one") for _ in range(11)] == [True] * 10 + [False]
    assert [attempts.allow(f"user-{n}", "two") for n in range(61)][-1] is False
