"""The rules of hadolint that matter to us, over infra/Dockerfile."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, arguments), with continued lines joined and comments gone."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "infra" / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def arguments_of(name: str) -> list[str]:
    return [arguments for instruction, arguments in instructions() if instruction == name]


@pytest.mark.parametrize("image", arguments_of("FROM"))
def test_every_base_is_pinned_to_a_full_version_and_named(image: str) -> None:
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm AS \w+", image)


def test_it_has_two_stages_and_the_last_takes_only_the_result() -> None:
    assert len(arguments_of("FROM")) == 2
    last_stage = instructions()[[name for name, _ in instructions()].index("FROM", 1) :]
    assert [arguments for name, arguments in last_stage if name == "COPY"] == [
        "--from=builder /opt/flyball /opt/flyball"
    ]
    assert not [arguments for name, arguments in last_stage if name == "RUN"]


def test_dependencies_come_with_hashes_and_leave_no_cache() -> None:
    installs = [run for run in arguments_of("RUN") if "install" in run]
    assert "--require-hashes" in installs[0]
    assert "requirements.lock" in installs[0]
    assert all("--no-deps" in run for run in installs[1:])
    assert any("PIP_NO_CACHE_DIR=1" in setting for setting in arguments_of("ENV"))


def test_it_runs_as_a_number_that_is_not_root_to_the_end() -> None:
    users = arguments_of("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", users[-1])
    assert [name for name, _ in instructions()][-2:] == ["USER", "CMD"]


def test_health_is_asked_on_live_without_a_shell() -> None:
    (check,) = arguments_of("HEALTHCHECK")
    assert "/live" in check
    assert re.search(r'CMD \["python"', check)


def test_the_command_has_no_shell_and_so_receives_sigterm() -> None:
    assert all(command.startswith("[") for command in arguments_of("CMD") + arguments_of("ENTRYPOINT"))


def test_no_add_no_latest_no_sudo_and_no_cached_package_lists() -> None:
    assert arguments_of("ADD") == []
    assert not any(re.search(r":latest\b|\bsudo\b", arguments) for _, arguments in instructions())
    for run in arguments_of("RUN"):
        if "apt-get install" in run:
            assert "--no-install-recommends" in run
            assert "rm -rf /var/lib/apt/lists" in run


def test_the_service_is_an_argument_and_secrets_are_not() -> None:
    assert arguments_of("ARG") == ["SERVICE"]
    assert not any(re.search(r"PASSWORD|TOKEN|SECRET", setting) for setting in arguments_of("ENV"))


def test_the_builder_receives_only_what_it_copies() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    sources = {arguments.split()[0].split("/")[0] for arguments in arguments_of("COPY") if "--from" not in arguments}
    assert {line[1:] for line in lines if line.startswith("!")} == sources
