"""``python -m console.passwords NAME ROLE``: the line of a local user for the file in FLYBALL_USERS_FILE."""

import sys
from getpass import getpass

from console.adapters.passwords import hash_of
from console.domain.roles import caller_of
from console.domain.users import PASSWORD_CHARACTERS_MIN, users_by_name


def line_of(name: str, role: str, password: str) -> str:
    """Raises ``ValueError`` for a name, role or password that cannot be used."""
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise ValueError(f"a password has {PASSWORD_CHARACTERS_MIN} characters at least")
    line = f"{caller_of(name, role).name}:{role}:{hash_of(password)}"
    users_by_name(line)
    return line


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:  # noqa: PLR2004
        sys.stderr.write("give a name and a role: python -m console.passwords ada reviewer\n")
        return 2
    try:
        password = getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        sys.stdout.write(line_of(arguments[0], arguments[1], password) + "\n")
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
