"""librdkafka's mock cluster: the real Kafka protocol from a wheel, in this process, with nothing on disk.

For a demo and for wire tests, never for delivery tests: it keeps the last 5 MiB of each partition, serves one member
per group, and forgets all when it ends. It has no admin API; a topic that was not created here comes into being with
four partitions when a client first asks for its metadata.
"""

import ctypes
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import cimpl

from flyball.stack.errors import StackError

PARTITIONS = 4
PRODUCER = 0
ALREADY_EXISTS = 36
JOIN_MS = 100
"""How long a new group waits for more members. The default, 3 s, was a third of the time until a demo was ready."""


class MockBroker:
    """One broker on a loopback port that librdkafka chooses.

    By its C interface, ``rdkafka_mock.h``, for the wheel's Python classes reach no setting of the mock.
    """

    def __init__(self) -> None:
        self._library = _library()
        self._owner: int | None = None
        self._cluster: int | None = None
        self.bootstrap = ""

    async def start(self) -> None:
        """Start it; StackError if librdkafka refuses."""
        why = ctypes.create_string_buffer(512)
        settings = self._library.rd_kafka_conf_new()
        # It would warn that it was given no broker.
        self._library.rd_kafka_conf_set(settings, b"log_level", b"0", why, len(why))
        self._owner = self._library.rd_kafka_new(PRODUCER, settings, why, len(why))
        self._cluster = self._owner and self._library.rd_kafka_mock_cluster_new(self._owner, 1)
        if self._cluster is None:
            raise StackError(f"librdkafka starts no mock broker ({why.value.decode()}): try `flyball doctor`")
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, JOIN_MS)
        self.bootstrap = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    async def create_topics(self, names: Iterable[str]) -> None:
        """Make each topic exist, with four partitions. StackError for a name that Kafka does not take."""
        if self._cluster is None:
            raise StackError("the mock broker was not started: call start() first")
        for name in names:
            code = self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), PARTITIONS, 1)
            if code not in {0, ALREADY_EXISTS}:
                raise StackError(f"the mock broker does not create {name}: librdkafka's error {code}")

    async def stop(self) -> None:
        """End it; its topics are gone."""
        if self._cluster is not None:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        if self._owner is not None:
            self._library.rd_kafka_destroy(self._owner)
        self._owner = self._cluster = None
        self.bootstrap = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _library() -> ctypes.CDLL:
    """The librdkafka that the wheel was linked with: its symbols are found through the wheel's own module."""
    library = ctypes.CDLL(cimpl.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
