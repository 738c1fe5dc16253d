"""Intents, receipts and boards in Postgres; providers that fail in every way still see one incident."""

from dataclasses import replace

import pytest
from notifier_builders import after, alert, ends, fires, rebuilt
from notifier_on_postgres import World, world

from notifier.adapters import reading
from notifier.domain.inputs import Acknowledged, Silence, SilenceSet
from notifier.domain.policy import Matcher
from tests.stub_providers import provider

pytestmark = pytest.mark.stack
KEY = "R" * 32


async def fire(notifier: World, fingerprint: str = "a", at: float = 0) -> None:
    await notifier.take(fires(at, fingerprint))
    await notifier.tick(at + 30)


async def test_the_whole_way_there_and_back(postgres_dsn: str) -> None:
    with provider() as pagerduty, provider() as slack, provider() as receiver:
        addresses = {
            "pagerduty_routing_key": KEY,
            "pagerduty_url": pagerduty.url,
            "slack_webhook_url": f"{slack.url}/services/T/B/secret",
            "alertmanager_webhook_url": f"{receiver.url}/hook",
        }
        async with world(postgres_dsn, **addresses) as notifier:
            await fire(notifier)
            assert await notifier.deliver() == 3
            (incident,) = await notifier.incidents()
            await notifier.take(Acknowledged(incident.id, "user:ada", after(60)))
            notifier.clock.to(61)
            await notifier.deliver()
            await notifier.take(ends(100))
            notifier.clock.to(101)
            await notifier.deliver()
            assert await notifier.deliver() == 0
            assert {state for *_, state in await notifier.states()} == {"delivered"}
    key = f"flyball/default/{incident.id}/1"
    assert [body["event_action"] for body in pagerduty.bodies(dedup_key=key)] == ["trigger", "acknowledge", "resolve"]
    page = pagerduty.bodies()[0]
    assert (page["routing_key"], page["payload"]["severity"]) == (KEY, "error")
    assert page["payload"]["summary"] == "[P1 (p0p3)] support: a of support is bad"
    assert [body["text"].split("]")[0] for body in slack.bodies()] == ["[P1 (p0p3)", "[Acknowledged", "[Resolved"]
    assert [body["status"] for body in receiver.bodies(version="4", groupKey=key)] == ["firing", "resolved"]


async def test_a_provider_that_fails_in_every_way_sees_one_incident(postgres_dsn: str) -> None:
    script = [(500, {}), (503, {}), (0, {}), (429, {"Retry-After": "40"})]
    with provider(*script) as pagerduty:
        async with world(postgres_dsn, pagerduty_routing_key=KEY, pagerduty_url=pagerduty.url) as notifier:
            await fire(notifier)
            at = 30.0
            for _ in range(len(script)):
                assert await notifier.deliver() == 1
                (waiting,) = await reading.read_deliveries(notifier.database, "default", None, "open", 10)
                pause = (waiting.not_before - after(at)).total_seconds()
                assert pause >= 1
                assert await notifier.deliver() == 0
                at += pause
                notifier.clock.to(at)
            assert pause == 40
            assert await notifier.deliver() == 1
            assert await notifier.states() == [("pagerduty", "trigger", "delivered")]
    assert len(pagerduty.got) == 5
    assert len({body["dedup_key"] for body in pagerduty.bodies()}) == 1


async def test_dying_between_send_and_receipt_sends_the_same_again(postgres_dsn: str) -> None:
    with provider() as pagerduty:
        addresses = {"pagerduty_routing_key": KEY, "pagerduty_url": pagerduty.url}
        async with world(postgres_dsn, schema="notifier_dying", **addresses) as first:
            await fire(first)
            ((claimed, notice),) = await first.deliverer.claim(8)
            assert (await first.deliverer._send(claimed, notice)).answer == "delivered"
        async with world(postgres_dsn, schema="notifier_dying", **addresses) as second:
            second.clock.to(31)
            assert await second.deliver() == 0, "another may still be sending"
            second.clock.to(61)
            assert await second.deliver() == 1
            assert await second.states() == [("pagerduty", "trigger", "delivered")]
    assert len(pagerduty.got) == 2
    assert len({body["dedup_key"] for body in pagerduty.bodies()}) == 1


async def test_a_refusal_goes_to_the_dead_letters_and_the_next_channel(postgres_dsn: str) -> None:
    with provider((400, {})) as pagerduty, provider() as slack:
        addresses = {"pagerduty_routing_key": KEY, "pagerduty_url": pagerduty.url, "slack_webhook_url": slack.url}
        async with world(postgres_dsn, **addresses) as notifier:
            await fire(notifier)
            await notifier.deliver()
            assert await notifier.states() == [
                ("pagerduty", "trigger", "dead"),
                ("slack", "trigger", "delivered"),
                ("slack", "trigger", "delivered"),
            ]
            published = await notifier.database.fetch("SELECT body FROM outbox WHERE topic = 'alerts.v1'")
            assert [b'"notifier.delivery/pagerduty/on-call"' in row["body"] for row in published] == [True]
    assert len(pagerduty.got) == 1


async def test_a_resolve_passes_a_silence(postgres_dsn: str) -> None:
    with provider() as pagerduty:
        async with world(postgres_dsn, pagerduty_routing_key=KEY, pagerduty_url=pagerduty.url) as notifier:
            await fire(notifier)
            await notifier.deliver()
            silence = Silence("s", (Matcher(name="system", value="support"),), after(31), after(900), "ada", "quiet")
            await notifier.take(SilenceSet(silence, after(31)))
            await fire(notifier, "b", 40)
            await notifier.take(ends(100), ends(101, "b", began=40))
            notifier.clock.to(102)
            await notifier.deliver()
    assert [body["event_action"] for body in pagerduty.bodies()] == ["trigger", "resolve"]


async def test_a_page_that_was_never_sent_needs_no_resolve(postgres_dsn: str) -> None:
    with provider() as pagerduty:
        async with world(postgres_dsn, pagerduty_routing_key=KEY, pagerduty_url=pagerduty.url) as notifier:
            await fire(notifier)
            await notifier.take(ends(40))
            notifier.clock.to(41)
            await notifier.deliver()
            assert await notifier.states() == [
                ("pagerduty", "trigger", "cancelled"),
                ("pagerduty", "resolve", "not_needed"),
            ]
    assert not pagerduty.got


async def test_a_storm_of_5000_is_one_incident_and_one_page(postgres_dsn: str) -> None:
    with provider() as pagerduty:
        async with world(postgres_dsn, pagerduty_routing_key=KEY, pagerduty_url=pagerduty.url) as notifier:
            storm = [fires(n / 500, f"f{n}", system=f"system-{n}") for n in range(5_000)]
            for start in range(0, 5_000, 500):
                await notifier.take(*storm[start : start + 500])
            await notifier.tick(60)
            await notifier.deliver()
            (incident,) = await notifier.incidents()
            assert (len(incident.fingerprints), len(incident.systems), incident.epoch) == (5_000, 5_000, 1)
            total, children = await reading.read_children(notifier.database, "default", incident.id, 1_000)
            assert (total, len(children)) == (5_000, 1_000)
            for start in range(0, 5_000, 500):
                batch = storm[start : start + 500]
                over = [replace(each, at=after(100), alert=ended(each.alert)) for each in batch]
                await notifier.take(*over)
            notifier.clock.to(101)
            await notifier.deliver()
            (incident,) = await notifier.incidents()
            assert incident.state == "resolved"
    assert [body["event_action"] for body in pagerduty.bodies()] == ["trigger", "resolve"]


def ended(began: object) -> object:
    return began.model_copy(update={"status": "resolved", "ended_at": after(100)})  # type: ignore[attr-defined]


async def test_the_board_is_what_its_inputs_make_of_an_empty_one(postgres_dsn: str) -> None:
    with provider((500, {})) as pagerduty:
        async with world(postgres_dsn, pagerduty_routing_key=KEY, pagerduty_url=pagerduty.url) as notifier:
            await fire(notifier)
            await notifier.deliver()
            await notifier.take(fires(40, "b", rule="drift.feature"), fires(41, "c", system="search"))
            await notifier.tick(75)
            notifier.clock.to(90)
            await notifier.deliver()
            await notifier.take(ends(100))
            stored = await notifier.board()
            again = rebuilt(await reading.read_inputs(notifier.database, "default"), notifier.notifier.policy)
    assert again == stored


async def test_severity_first_and_no_more_than_a_contact_can_take(postgres_dsn: str) -> None:
    with provider() as pagerduty:
        async with world(postgres_dsn, pagerduty_routing_key=KEY, pagerduty_url=pagerduty.url) as notifier:
            for number in range(10):
                await notifier.take(fires(number * 70, f"f{number}", system=f"s{number}", severity=number % 2))
            await notifier.tick(700)
            claimed = await notifier.deliverer.claim(8)
            assert [each.delivery.severity for each, _ in claimed] == [0, 0, 0, 0]
            assert await notifier.deliverer.claim(8) == []


async def test_an_alert_with_a_nul_is_told(postgres_dsn: str) -> None:
    from flyball.schemas.alerts import Alert

    hostile = Alert.model_validate_json(alert("a").model_dump_json().replace("is bad", "is \\u0000 bad <!channel>"))
    with provider() as slack:
        async with world(postgres_dsn, slack_webhook_url=slack.url) as notifier:
            first = fires(0)
            await notifier.take(replace(first, alert=hostile))
            await notifier.tick(30)
            await notifier.deliver()
    assert "<!channel>" not in str(slack.bodies()[0]["blocks"][2:])
