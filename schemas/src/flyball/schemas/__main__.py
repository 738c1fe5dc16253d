"""``python -m flyball.schemas generate|check``: keep what is generated true, and the contract compatible."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from flyball.schemas.artifacts import REGENERATE, MarkersMissing, generate, outdated
from flyball.schemas.baseline import BaselineMissing, baseline
from flyball.schemas.evolution import Evolution, evolutions
from flyball.schemas.examples import broken_examples


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all is well, 1 the check found something, 2 it could not be done."""
    given = _parser().parse_args(arguments)
    if not (given.root / "schemas" / "pyproject.toml").is_file():
        print(f"{given.root} is not the root of the repository; name it with --root", file=sys.stderr)
        return 2
    try:
        return _generate(given.root) if given.command == "generate" else _check(given.root, given.against)
    except (MarkersMissing, BaselineMissing) as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flyball.schemas", description=__doc__)
    parser.add_argument("command", choices=["generate", "check"])
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="root of the repository (default: here)")
    parser.add_argument(
        "--against", default="HEAD", help="git revision or directory to compare the contract with (default: HEAD)"
    )
    return parser


def _generate(root: Path) -> int:
    changed = generate(root)
    print("\n".join(f"wrote {path}" for path in changed) or "nothing to write")
    return 0


def _check(root: Path, against: str) -> int:
    found = evolutions(baseline(root, against))
    for evolution in found:
        print("\n".join(_told(evolution)))
    problems = [f"{path} is out of date; run: {REGENERATE}" for path in outdated(root)]
    problems += broken_examples(root)
    problems += [
        f"{evolution.name}: not an optional addition to {against}; {evolution.rollout}"
        for evolution in found
        if evolution.is_breaking
    ]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


def _told(evolution: Evolution) -> Iterator[str]:
    for edit in evolution.edits:
        yield f"{evolution.name}: {edit}"
    yield f"{evolution.name}: roll-out: {evolution.rollout}"


if __name__ == "__main__":
    sys.exit(main())
