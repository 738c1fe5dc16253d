"""docker-compose.yml: valid, pinned, without secrets, and every service waits for what it needs."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from flyball.stack import discover

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yml"
SERVERS = ("kafka", "postgres", "redis")
REQUIRED = sorted(re.findall(r"^(\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE))


@cache
def compose_command() -> list[str]:
    """`docker compose`, or the older `docker-compose`; skips loudly where there is neither."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0
        ):
            return command
    pytest.skip("LEFT OUT: docker-compose.yml is not checked by docker: install docker with its compose plugin")


def check_config(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    # An empty file, so that a developer's own .env cannot stand in for what is missing.
    nothing = folder / "empty.env"
    nothing.touch()
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLYBALL_")}
    command = [*compose_command(), "--env-file", str(nothing), "-f", str(COMPOSE), "config", "-q"]
    return subprocess.run(command, capture_output=True, text=True, env={**own, **environment}, timeout=120, check=False)


@pytest.mark.stack
def test_docker_accepts_it_with_every_variable_of_the_example(tmp_path: Path) -> None:
    done = check_config(dict.fromkeys(REQUIRED, "0123456789abcdef"), tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.stack
@pytest.mark.parametrize("missing", REQUIRED)
def test_docker_refuses_it_without_a_secret_and_says_what_to_do(missing: str, tmp_path: Path) -> None:
    done = check_config({name: "0123456789abcdef" for name in REQUIRED if name != missing}, tmp_path)
    assert done.returncode != 0
    assert ".env.example" in done.stderr


@pytest.fixture(scope="module")
def rows() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return loaded


def test_the_example_lists_every_required_variable_and_no_value() -> None:
    assert sorted(set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text()))) == REQUIRED
    assert not re.search(r"^\w+=.+$", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_no_variable_that_is_a_secret_has_a_default() -> None:
    with_default = re.findall(r"\$\{(\w+):-", COMPOSE.read_text())
    ports = {"FLYBALL_KAFKA_PORT", "FLYBALL_CONSOLE_PORT", "FLYBALL_OTLP_GRPC_PORT", "FLYBALL_OTLP_HTTP_PORT"}
    assert set(with_default) == {*ports, "FLYBALL_COOKIES_SECURE", "FLYBALL_UNDECLARED"}


def test_every_image_has_an_exact_version(rows: dict[str, Any]) -> None:
    for name, row in rows.items():
        assert re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", row["image"]), f"{name}: {row['image']}"


def test_every_installed_service_has_a_row_that_waits_for_healthy_servers(rows: dict[str, Any]) -> None:
    for name in discover():
        assert rows[name]["build"]["args"] == {"SERVICE": name}
        waits = {needed: row["condition"] for needed, row in rows[name]["depends_on"].items()}
        assert waits == {**dict.fromkeys(SERVERS, "service_healthy"), "topics": "service_completed_successfully"}


def test_every_server_says_when_it_is_healthy(rows: dict[str, Any]) -> None:
    for name in SERVERS:
        assert rows[name]["healthcheck"]["test"][0] == "CMD", "without a shell"


def test_nothing_is_published_beyond_loopback(rows: dict[str, Any]) -> None:
    published = [port for row in rows.values() for port in row.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_topics_are_created_from_the_table_once(rows: dict[str, Any]) -> None:
    assert rows["topics"]["command"] == ["flyball", "topics", "apply"]
    assert rows["topics"]["restart"] == "no"


def test_no_row_of_ours_may_write_or_gain_rights(rows: dict[str, Any]) -> None:
    for name in (*discover(), "topics"):
        assert rows[name]["read_only"] is True
        assert rows[name]["cap_drop"] == ["ALL"], name
