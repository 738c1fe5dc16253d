"""How long a decision takes: by the SDK in the agent's process, by request over Kafka and HTTP; and a kill's way."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
from confluent_kafka import Consumer, Producer, TopicPartition

from autonomy_controller.domain.changes import applied
from autonomy_controller.domain.standings import spec_of
from autonomy_controller.domain.state import Standing
from flyball.bus.settings import KafkaSettings
from flyball.bus.topics import open_topic_admin
from flyball.schemas.autonomy import ActionRequested
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.topics import AGENT_ACTIONS, BY_NAME, Topic
from flyball.sdk.client import Client, connect
from flyball.sdk.deciding import Known, decide, decided
from flyball.sdk.guarding import Guard, request_of
from flyball.sdk.levels import Levels
from flyball.sdk.outbox import Outbox
from flyball.sdk.settings import SdkSettings
from tests.bench.figures import spread, table
from tests.bench.servers import Bench, bench
from tests.wire.governing import asked, registered
from tests.wire.outside import Broker, until

REPLIES = Topic(
    name="agent.replies.bench",
    description="Answers to the bench.",
    model=BY_NAME["agent.decisions.v1"].model,
    key="system",
    producers=(),
    consumers=(),
    partitions=2,
)
SYSTEMS = [f"system-{number}" for number in range(24)]
LEVEL = 2
RATE_PER_SECOND, SECONDS, WARM_UP_SECONDS = 500, 10.0, 3.0
LOCAL_DECISIONS, GUARDED, HTTP_DECISIONS, KILLS = 20_000, 300, 300, 30
LEASE_SECONDS_MAX = 5.0
NOBODY = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
ACTION = {
    "action_class": "orders",
    "operation": "order.cancel",
    "target": "order/1",
    "parameters": {"amount": 12, "reason": "asked for by the customer"},
    "confidence": 0.93,
}
ANSWER_SECONDS_MAX = 120.0
QUANTILES = (0.5, 0.99, 0.999)
GOALS = {
    "local": "p99 < 1 ms",
    "guard": "-",
    "Kafka": f"p99 < 100 ms at {RATE_PER_SECOND}/s",
    "kill": "p99 < 1 s",
    "HTTP": "-",
}


async def measure(repeats: int) -> str:
    """The figures as Markdown."""
    took: dict[str, list[list[float]]] = {kind: [] for kind in GOALS}
    async with bench() as running:
        async with open_topic_admin(KafkaSettings.from_environment(running.stack.environment)) as admin:
            await admin.apply([REPLIES])
        environment = await running.environment()
        async with running.service("autonomy-controller", environment) as service:
            await service.wait_ready()
            client = httpx.AsyncClient(
                base_url=service.url, headers={"authorization": f"Bearer {environment['FLYBALL_SERVICE_TOKEN']}"}
            )
            async with client:
                await _declared(running, client)
                await asyncio.to_thread(_by_kafka, running.kafka, WARM_UP_SECONDS)
                try:
                    for _ in range(repeats):
                        await _measure_all(running, client, took)
                except TimeoutError:
                    print(f"autonomy-controller:\n{service.process.log_tail()}", flush=True)
                    raise
    return _table(took)


async def _measure_all(running: Bench, client: httpx.AsyncClient, took: dict[str, list[list[float]]]) -> None:
    took["local"].append(_local())
    took["guard"].append(await asyncio.to_thread(_guarded, running.kafka))
    took["Kafka"].append(await asyncio.to_thread(_by_kafka, running.kafka, SECONDS))
    took["HTTP"].append(await _by_http(client))
    took["kill"].append(await _kills(running, client))


def _table(took: dict[str, list[list[float]]]) -> str:
    names = {
        "local": f"local, in the agent's process ({LOCAL_DECISIONS:,})",
        "guard": f"local, a write until the broker has its record ({GUARDED})",
        "Kafka": f"by request, from when it was due to be sent to its reply ({RATE_PER_SECOND}/s, {SECONDS:.0f} s)",
        "HTTP": f"by request over HTTP, one after another ({HTTP_DECISIONS})",
        "kill": f"a kill, from its request to an agent's SDK ({KILLS})",
    }
    rows = [
        [names[kind], *(_quantile(runs, quantile) for quantile in QUANTILES), GOALS[kind]]
        for kind, runs in took.items()
    ]
    head = ["decision", *(f"p{quantile * 100:g}, ms" for quantile in QUANTILES), "goal"]
    return table(head, rows)


def _quantile(runs: Sequence[Sequence[float]], quantile: float) -> str:
    return spread([sorted(run)[min(int(len(run) * quantile), len(run) - 1)] * 1_000 for run in runs], ",.3g")


def _local() -> list[float]:
    """All that happens in the agent's process: its action as a request, the rule, the record of the decision."""
    event = SystemRegistered.model_validate_json(registered(SYSTEMS[0], LEVEL).body or b"")
    standing, now = Standing(tenant="default", system=SYSTEMS[0]), datetime.now(UTC)
    change = spec_of(event.revisions[0], "orders", standing)
    controls = {"orders": applied(change, None, ("default", SYSTEMS[0], "orders"), now).control}
    known, settings = Known(controls, None, 1.0), SdkSettings("", SYSTEMS[0], "2.1.0")
    client = Client(settings, Outbox(NOBODY, 1), Levels(NOBODY), None)

    def decision() -> None:
        request = request_of(client, ACTION)
        decided(request, decide(request, known), known, now)

    try:
        return [_timed(decision) for _ in range(LOCAL_DECISIONS)]
    finally:
        client.close(0)


def _guarded(kafka: str) -> list[float]:
    """Writes under guard, until the broker has the decision on all replicas: before that none of them runs."""
    client = connect(SdkSettings(kafka, SYSTEMS[0], "2.1.0"))
    try:
        while client.levels.known("default", SYSTEMS[0], None).lease_seconds > LEASE_SECONDS_MAX:
            client.levels.wait_for_change(1)
        return [_timed(lambda: _enter(client)) for _ in range(GUARDED)]
    finally:
        client.close(5)


def _enter(client: Client) -> None:
    with Guard(client, ACTION, 0.0) as permit:
        if not permit:
            raise RuntimeError(f"the action was not allowed: {permit.reason}")


def _timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def _request(system: str, **changes: object) -> ActionRequested:
    deadline = (datetime.now(UTC) + timedelta(seconds=ANSWER_SECONDS_MAX)).isoformat()
    given = asked(system, write=False, operation="order.read", deadline=deadline, **changes)
    return ActionRequested.model_validate_json(httpx.Request("POST", "http://bench", json=given).content)


async def _declared(running: Bench, client: httpx.AsyncClient) -> None:
    Broker(running.kafka).publish([registered(system, LEVEL) for system in SYSTEMS])

    async def known() -> int:
        return len((await client.get("/v1/levels")).json()["items"])

    await until(known, lambda count: count >= len(SYSTEMS), ANSWER_SECONDS_MAX)


def _by_kafka(kafka: str, seconds: float) -> list[float]:
    """An open loop, which waits for no answer. Raises TimeoutError where one does not come."""
    arrived: dict[str, float] = {}
    stop, ready = threading.Event(), threading.Event()
    listener = threading.Thread(target=_listen, args=(kafka, arrived, ready, stop))
    listener.start()
    try:
        ready.wait(ANSWER_SECONDS_MAX)
        due = _ask(kafka, seconds)
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while not due.keys() <= arrived.keys():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(due.keys() - arrived.keys())} of {len(due)} requests had no reply")
            time.sleep(0.05)
    finally:
        stop.set()
        listener.join()
    return [arrived[action] - at for action, at in due.items()]


def _ask(kafka: str, seconds: float) -> dict[str, float]:
    """When each was due to be sent, by its action."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "acks": "all"})
    due: dict[str, float] = {}
    began = time.monotonic()
    for number in range(int(RATE_PER_SECOND * seconds)):
        at = began + number / RATE_PER_SECOND
        time.sleep(max(at - time.monotonic(), 0))
        request = _request(SYSTEMS[number % len(SYSTEMS)], reply_topic=REPLIES.name)
        due[request.action_id] = at
        producer.produce(AGENT_ACTIONS.name, request.model_dump_json().encode(), request.system.encode())
        producer.poll(0)
    producer.flush(ANSWER_SECONDS_MAX)
    return due


def _listen(kafka: str, arrived: dict[str, float], ready: threading.Event, stop: threading.Event) -> None:
    consumer = Consumer(
        {"bootstrap.servers": kafka, "group.id": str(uuid4()), "fetch.wait.max.ms": 10, "enable.auto.commit": False}
    )
    consumer.assign([TopicPartition(REPLIES.name, number, 0) for number in range(REPLIES.partitions)])
    ready.set()
    while not stop.is_set():
        for message in consumer.consume(500, 0.05):
            correlation = dict(message.headers() or [])["correlation_id"].decode()
            arrived.setdefault(correlation, time.monotonic())
    consumer.close()


async def _by_http(client: httpx.AsyncClient) -> list[float]:
    took = []
    for _ in range(HTTP_DECISIONS):
        request = _request(SYSTEMS[0]).model_dump_json()
        before = time.perf_counter()
        (await client.post("/v1/decisions", content=request)).raise_for_status()
        took.append(time.perf_counter() - before)
    return took


async def _kills(running: Bench, client: httpx.AsyncClient) -> list[float]:
    """Each of a system of its own, seen by a follower of the levels as every SDK has one."""
    systems = [f"killed-{uuid4().hex[:8]}" for _ in range(KILLS)]
    Broker(running.kafka).publish([registered(system, LEVEL) for system in systems])
    levels = Levels({"bootstrap.servers": running.kafka})
    levels.start()
    try:
        return [await _killed(levels, client, system) for system in systems]
    finally:
        levels.close()


async def _killed(levels: Levels, client: httpx.AsyncClient, system: str) -> float:
    async def known() -> bool:
        return "orders" in levels.known("default", system, None).controls

    await until(known, bool, ANSWER_SECONDS_MAX)
    before = time.perf_counter()
    stop = {"system": system, "action_class": "orders", "person": "user:bench", "reason": "bench"}
    (await client.post("/v1/kill", json=stop)).raise_for_status()
    while not levels.known("default", system, None).controls["orders"].killed:
        await asyncio.sleep(0.001)
    return time.perf_counter() - before
