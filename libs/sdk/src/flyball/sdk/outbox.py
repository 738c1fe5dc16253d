"""Events on their way out: a bounded queue with a thread of its own. What does not fit is dropped and counted."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaException, Producer

logger = logging.getLogger("flyball.sdk")
POLL_SECONDS = 0.05
ANSWER_SECONDS = 0.002
"""How long a letter may wait while the broker's answer to an earlier one is awaited."""
Headers = list[tuple[str, str | bytes | None]]
LINGER_MS = 2


@dataclass(slots=True)
class Letter:
    """One record; ``write`` makes headers and body, on the queue's thread and not on the agent's."""

    topic: str
    key: str
    write: Callable[[], tuple[Headers, bytes]]
    recorded: threading.Event | None = None
    """Set when the broker has it, on all replicas; never set if it was lost."""


@dataclass(slots=True)
class Outbox:
    """Never blocks and never raises: ``put`` says whether the letter was taken."""

    client: Mapping[str, Any]
    letters_max: int
    dropped: int = 0
    """Did not fit, could not be written, or was not accepted by the broker."""
    _letters: "queue.Queue[Letter]" = field(init=False)
    _pending: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._letters = queue.Queue(self.letters_max)
        self._thread = threading.Thread(target=self._run, name="flyball-sdk-outbox", daemon=True)
        self._thread.start()

    def put(self, letter: Letter) -> bool:
        with self._lock:
            self._pending += 1
        try:
            self._letters.put_nowait(letter)
        except queue.Full:
            self._done(lost=True)
            return False
        return True

    def flush(self, seconds_max: float) -> int:
        """Wait until nothing is on its way any more; returns how many letters still are."""
        deadline = time.monotonic() + seconds_max
        while self._pending and time.monotonic() < deadline and self._thread.is_alive():
            time.sleep(min(POLL_SECONDS, 0.005))
        return self._pending

    def close(self, seconds_max: float) -> int:
        left = self.flush(seconds_max)
        self._stopping.set()
        self._thread.join(seconds_max)
        return left

    def _run(self) -> None:
        try:
            producer = self._producer()
        except KafkaException:
            logger.exception("the Kafka settings cannot be used; every event is dropped")
            producer = None
        while not self._stopping.is_set():
            letter = self._next(producer)
            if letter is not None:
                self._send(producer, letter)
            self._poll(producer)

    def _next(self, producer: Producer | None) -> Letter | None:
        """The next letter, or None after a moment. A write waits for the broker's answer, so that is listened for."""
        try:
            if producer is None or not len(producer):
                return self._letters.get(timeout=POLL_SECONDS)
            producer.poll(ANSWER_SECONDS)
            return self._letters.get_nowait()
        except queue.Empty:
            return None

    def _producer(self) -> Producer:
        return Producer(
            {
                **self.client,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": LINGER_MS,
                "message.timeout.ms": 30_000,
                "queue.buffering.max.messages": self.letters_max,
            }
        )

    def _send(self, producer: Producer | None, letter: Letter) -> None:
        if producer is None:
            self._done(lost=True)
            return
        try:
            headers, body = letter.write()
            producer.produce(
                letter.topic,
                body,
                letter.key.encode(),
                headers=headers,
                on_delivery=lambda error, _: self._delivered(letter, error),
            )
        except (BufferError, KafkaException, ValueError, TypeError) as error:
            logger.warning("an event for %s is dropped: %s", letter.topic, error)
            self._done(lost=True)

    def _delivered(self, letter: Letter, error: object) -> None:
        if error is None and letter.recorded is not None:
            letter.recorded.set()
        self._done(lost=error is not None)

    def _done(self, *, lost: bool) -> None:
        with self._lock:
            self._pending -= 1
            self.dropped += lost

    @staticmethod
    def _poll(producer: Producer | None) -> None:
        if producer is not None:
            producer.poll(0)
