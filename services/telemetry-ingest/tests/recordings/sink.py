"""Where a recorded program sends its telemetry: an OTLP/HTTP receiver that keeps the bodies."""

import gzip
from collections import defaultdict
from http.server import BaseHTTPRequestHandler
from typing import Any

Received = dict[tuple[str, str], list[bytes]]
"""Bodies by signal (``traces`` or ``logs``) and encoding (``protobuf`` or ``json``)."""


def sink_handler(received: Received) -> type[BaseHTTPRequestHandler]:
    class SinkHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            encoding = "json" if "json" in self.headers["Content-Type"] else "protobuf"
            received[self.path.rpartition("/")[2], encoding].append(body)
            self.send_response(200)
            self.send_header("Content-Type", self.headers["Content-Type"])
            answer = b"{}" if encoding == "json" else b""
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _body(self) -> bytes:
            """Node's exporters send chunks."""
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers["Content-Length"]))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def log_message(self, *arguments: Any) -> None:
            """Silent."""

    return SinkHandler


def nothing_received() -> Received:
    return defaultdict(list)
