"""A switch behind HTTP as users have them: it may say yes and do nothing, or leave its caller hanging."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rollback_executor.adapters.rows import POINTER
from rollback_executor.domain.rollout import Pointer

SECRET = "secret-of-the-switch"
LIES, HANGS_BEFORE, HANGS_AFTER = "lies", "hangs before it moves", "hangs after it moved"
HANG_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Switch:
    """``moves`` are all epochs and tokens that it took, in order; ``fault`` is what it does to the next orders."""

    url: str = ""
    fault: str = ""
    moves: list[tuple[int, Pointer]] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when somebody hangs."""
    let_go: threading.Event = field(default_factory=threading.Event)

    async def snapshot(self) -> Pointer | None:
        return self.moves[-1][1] if self.moves else None

    @property
    def environment(self) -> dict[str, str]:
        return {"FLYBALL_ROLLOUT_WEBHOOK_URL": self.url, "FLYBALL_ROLLOUT_WEBHOOK_SECRET": SECRET}

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        held = self.moves[-1][1] if self.moves else None
        if path == "snapshot":
            return 200, {"token": POINTER.dump_python(held, mode="json") if held else None}
        if path == "replicas":
            runs = {"one": held.stable, "two": held.candidate or held.stable} if held else {}
            return 200, {"replicas": runs}
        return self._apply(body["epoch"], POINTER.validate_python(body["token"]))

    def _apply(self, epoch: int, token: Pointer) -> tuple[int, dict[str, Any]]:
        self.orders.append(epoch)
        if self.fault == LIES:
            return 200, {}
        if self.fault == HANGS_BEFORE:
            self._hang()
            return 503, {}
        if self.moves and epoch < self.moves[-1][0]:
            return 409, {"error": f"epoch {self.moves[-1][0]} was here"}
        if (epoch, token) not in self.moves:
            self.moves.append((epoch, token))
        if self.fault == HANGS_AFTER:
            self._hang()
        return 200, {}

    def _hang(self) -> None:
        self.reached.set()
        self.let_go.wait(HANG_SECONDS_MAX)


@contextmanager
def serving() -> Iterator[Switch]:
    switch = Switch()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = switch.answer(self.path.rpartition("/")[2], body)
            said = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def handle(self) -> None:
            # Whoever hung may be dead by the time of the answer.
            try:
                super().handle()
            except ConnectionError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    switch.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield switch
    finally:
        switch.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
