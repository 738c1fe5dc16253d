"""Zip archives whose members may be packed with Zstandard, which Python's own module reads from 3.14 on."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Final

import zstandard

ZSTANDARD: Final = 93
LOCAL_HEADER_BYTES: Final = 30
MEMBER_BYTES_MAX: Final = 256 * 1_048_576
ARCHIVE_BYTES_MAX: Final = 1024 * 1_048_576
MEMBERS_MAX: Final = 200_000
BROKEN: Final = (
    zipfile.BadZipFile,
    zstandard.ZstdError,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What zipfile and zstandard raise for bytes that are not what they say."""


class ArchiveError(Exception):
    """Not an archive, or one that unpacks to more than is allowed."""


def members_of(data: bytes, wanted: Callable[[str], bool]) -> dict[str, bytes | ArchiveError]:
    """The wanted members, whole, in the archive's order; for one that is broken what is wrong with it.

    Raises ``ArchiveError`` where the archive itself is.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if wanted(entry.filename)]
            if len(entries) > MEMBERS_MAX:
                raise ArchiveError(f"it has {len(entries)} members, {MEMBERS_MAX} are allowed")
            found: dict[str, bytes | ArchiveError] = {}
            room = ARCHIVE_BYTES_MAX
            for entry in entries:
                part = _member(archive, entry, data, min(room, MEMBER_BYTES_MAX))
                found[entry.filename] = part
                room -= len(part) if isinstance(part, bytes) else 0
            return found
    except BROKEN as error:
        raise ArchiveError(str(error)[:200] or type(error).__name__) from error


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, data: bytes, bytes_max: int) -> bytes | ArchiveError:
    try:
        return _unpacked(archive, entry, data, bytes_max)
    except BROKEN as error:
        return ArchiveError(str(error)[:200] or type(error).__name__)
    except ArchiveError as error:
        return error


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, data: bytes, bytes_max: int) -> bytes:
    """Reads no more than is allowed, whatever the archive says of itself."""
    if entry.compress_type == ZSTANDARD:
        with zstandard.ZstdDecompressor().stream_reader(_packed(entry, data)) as stream:
            unpacked: bytes = stream.read(bytes_max + 1)
        if len(unpacked) <= bytes_max and zlib.crc32(unpacked) != entry.CRC:
            raise ArchiveError(f"{entry.filename[:80]} is not what was packed: its checksum differs")
    else:
        with archive.open(entry) as member:
            unpacked = member.read(bytes_max + 1)
    if len(unpacked) > bytes_max:
        raise ArchiveError(f"{entry.filename[:80]} unpacks to more than {bytes_max} bytes")
    return unpacked


def _packed(entry: zipfile.ZipInfo, data: bytes) -> bytes:
    header = data[entry.header_offset : entry.header_offset + LOCAL_HEADER_BYTES]
    name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
    start = entry.header_offset + LOCAL_HEADER_BYTES + name_bytes + extra_bytes
    return data[start : start + entry.compress_size]
