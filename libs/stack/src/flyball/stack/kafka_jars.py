"""Apache Kafka's jars, fetched once per machine from Maven Central by infra/kafka/pom.xml."""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from flyball.stack.errors import StackError

KAFKA_VERSION = "4.1.0"
POM = Path(__file__).parents[5] / "infra" / "kafka" / "pom.xml"
FETCH_DEADLINE_SECONDS = 300


def find_java() -> str:
    """The java of JAVA_HOME or of PATH. StackError if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise StackError("no java: `apt-get install openjdk-17-jre-headless`, or set JAVA_HOME or FLYBALL_KAFKA")
    return java


async def kafka_jars() -> Path:
    """The folder with the jars; fetches them the first time (about 45 MB). StackError if that fails."""
    return await asyncio.to_thread(_jars)


def _jars() -> Path:
    if not POM.exists():
        raise StackError(f"{POM} is missing: run from a clone of Flyball, or set FLYBALL_KAFKA")
    # The content is part of the name: two clones with different poms do not share jars.
    digest = sha256(POM.read_bytes()).hexdigest()[:8]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flyball"
    folder = cache / f"kafka-{KAFKA_VERSION}-{digest}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _exclusive(cache / f"{folder.name}.lock"):
            # Another process may have fetched them while we waited for the lock.
            if not folder.exists():
                _fetch_into(folder)
    return folder


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_into(folder: Path) -> None:
    sys.stderr.write(f"fetching Apache Kafka {KAFKA_VERSION} (45 MB, once) into {folder}\n")
    sys.stderr.flush()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as unfinished:
        target = Path(unfinished) / "jars"
        _maven(target)
        # The rename is the last act: a folder with this name is always complete.
        target.rename(folder)


def _maven(target: Path) -> None:
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_DEADLINE_SECONDS, check=False)
    except FileNotFoundError as error:
        raise StackError("no mvn: `apt-get install maven`, or set FLYBALL_KAFKA to a running broker") from error
    except subprocess.TimeoutExpired as error:
        raise StackError(f"Maven took longer than {FETCH_DEADLINE_SECONDS} s: try `{' '.join(command)}`") from error
    if done.returncode != 0 or not target.exists():
        said = (done.stdout + done.stderr)[-1_000:]
        raise StackError(f"Maven could not fetch Kafka: try `{' '.join(command)}`. It said:\n{said}")
