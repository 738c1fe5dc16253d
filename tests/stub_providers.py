"""A real HTTP server that answers as it is told and remembers what it got: a provider at its worst."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_SECONDS = 3.0
Headers = Mapping[str, str]


@dataclass(slots=True)
class Provider:
    """``script``: status and headers of the next answers, then 202 for ever. Status 0 hangs up, -1 hangs."""

    url: str = ""
    script: list[tuple[int, Headers]] = field(default_factory=list)
    only: str = ""
    """The script is for requests with this text; others, of tests that share the servers, are taken at once."""
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def bodies(self, **having: object) -> list[dict[str, Any]]:
        with self.lock:
            found = [body for _, body in self.got]
        return [body for body in found if all(body.get(name) == value for name, value in having.items())]

    def take(self, path: str, body: dict[str, Any]) -> tuple[int, Headers]:
        with self.lock:
            self.got.append((path, body))
            mine = self.only in json.dumps(body)
            answer = self.script.pop(0) if self.script and mine else (202, {})
        self.on_request()
        return answer


@contextmanager
def provider(*script: tuple[int, Headers]) -> Iterator[Provider]:
    stub = Provider(script=list(script))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, headers = stub.take(self.path, body)
            if status == -1:
                time.sleep(HANG_SECONDS)
            if status <= 0:
                self.close_connection = True
                return
            answer = json.dumps({"status": "said", "dedup_key": body.get("dedup_key", "none")}).encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
