"""``python record.py [NAME...]``: record what real instrumentations send, and write it to ``fixtures/``.

Makes an environment of its own in a temporary directory from ``requirements.txt`` and, for Vercel's AI SDK, from
``vercel/package.json``; needs pip, and npm for that one. The model answers from loopback: nothing leaves the machine.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from model_server import ModelHandler
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sink import Received, nothing_received, sink_handler
from steady import Steady, steady_json, steady_protobuf

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
PYTHON_SCENARIOS = (
    "genai_openai",
    "genai_openai_agents",
    "genai_langchain",
    "openai_agents_v2",
    "openinference_openai",
    "openinference_langchain",
    "openllmetry_openai",
    "openllmetry_langchain",
    "pydantic_ai",
)
VERCEL = "vercel"
INSTALL_SECONDS_MAX = 600
RUN_SECONDS_MAX = 120
# Spans are sent once, at the end, so that a recording does not depend on how fast the machine is.
NO_SENDING_BETWEEN = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_BLRP_SCHEDULE_DELAY": "600000"}


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def python_command(home: Path) -> list[str]:
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True, timeout=INSTALL_SECONDS_MAX)
    python = str(home / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--requirement", HERE / "requirements.txt"]
    subprocess.run(install, check=True, timeout=INSTALL_SECONDS_MAX)
    return [python, str(HERE / "scenarios")]


def node_command(home: Path) -> list[str]:
    shutil.copytree(HERE / VERCEL, home / VERCEL)
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(install, cwd=home / VERCEL, check=True, timeout=INSTALL_SECONDS_MAX)
    return ["node", str(home / VERCEL / "main.mjs")]


def run(command: list[str], home: Path, model_port: int, sink_port: int) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
        **NO_SENDING_BETWEEN,
    }
    command = [*command, f"http://127.0.0.1:{sink_port}"]
    subprocess.run(command, env=environment, check=True, timeout=RUN_SECONDS_MAX)


def write(name: str, received: Received) -> None:
    bodies = received["traces", "protobuf"]
    steady = Steady(ExportTraceServiceRequest.FromString(b"".join(bodies)))
    (FIXTURES / f"{name}.pb").write_bytes(steady_protobuf(bodies, steady))
    (FIXTURES / f"{name}.json").write_bytes(steady_json(received["traces", "json"], steady))


def main(names: list[str]) -> None:
    names = names or [*PYTHON_SCENARIOS, VERCEL]
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        python = python_command(home) if set(names) - {VERCEL} else []
        node = node_command(home) if VERCEL in names else []
        for name in names:
            received = nothing_received()
            with serving(ModelHandler) as model_port, serving(sink_handler(received)) as sink_port:
                run(node if name == VERCEL else [*python, name], home, model_port, sink_port)
            write(name, received)
            print(f"{name}: {len(received['traces', 'protobuf'])} message(s)")


if __name__ == "__main__":
    main(sys.argv[1:])
