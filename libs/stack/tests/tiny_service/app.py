"""Answers 200 on every path until cancelled; a setting makes it fail instead."""

import asyncio
from collections.abc import Mapping


async def serve(environment: Mapping[str, str]) -> None:
    """Run until cancelled."""
    if "TINY_FAILURE" in environment:
        raise RuntimeError(environment["TINY_FAILURE"])
    server = await asyncio.start_server(_answer, "127.0.0.1", int(environment["FLYBALL_HTTP_PORT"]))
    async with server:
        await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()
