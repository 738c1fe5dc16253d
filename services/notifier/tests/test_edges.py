"""What comes in at the edges: policies from a file, addresses from settings, answers of providers, messages out."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from notifier_builders import POLICY, START, alert, fires, only, played, tick
from notifier_on_postgres import settings_of

from flyball.observe.settings import SettingsError
from notifier.adapters import alertmanager, pagerduty, slack, threads
from notifier.adapters.answers import meaning, seconds_until
from notifier.adapters.policy_file import PolicyError, load_policy
from notifier.app import open_channels
from notifier.domain.notice import Notice, Told
from notifier.domain.policy import Matcher
from tests.stub_providers import provider

DSN = "postgresql://nobody@127.0.0.1:1/none"
EVERYBODY = {("pagerduty", "on-call"), ("slack", "on-call"), ("slack", "room"), ("alertmanager", "receiver")}


def policy_file(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def test_the_default_chain_has_the_channels_that_were_set_up() -> None:
    assert load_policy(None, EVERYBODY) == POLICY
    only_slack = load_policy(None, {("slack", "on-call"), ("slack", "room")})
    assert [(step.target, step.channels) for step in only_slack.last_route.steps] == [
        ("on-call", ("slack",)),
        ("room", ("slack",)),
    ]
    assert load_policy(None, ()).last_route.steps == ()


def test_a_policy_from_a_file(tmp_path: Path) -> None:
    text = """
version: 4
wait_seconds: 5
response_seconds: [60, 120, 180, 240]
routes:
  - name: quiet
    matchers: [{name: severity, operation: "=~", value: "2|3"}]
    steps: [{target: room, channels: [slack]}]
  - name: default
"""
    policy = load_policy(policy_file(tmp_path, text), EVERYBODY)
    assert (policy.version, policy.wait_seconds, policy.response_seconds) == (4, 5, (60, 120, 180, 240))
    assert policy.routes[0].matchers == (Matcher(name="severity", operation="=~", value="2|3"),)
    assert load_policy(policy_file(tmp_path, ""), EVERYBODY) == POLICY


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("routes: [{name: a, steps: [{target: boss, channels: [slack]}]}]", "there is no address for that"),
        ("routes: [{name: a, steps: [{target: boss, channels: [pigeon]}]}]", "needs channels among"),
        ("wait_seconds: soon", "valid integer"),
        ("wait_seconds: -1", "7 days"),
        ("- a list", "is not a policy"),
        ("{", "cannot be read"),
        ("routes: [{name: a, matchers: [{name: system, operation: '=~', value: '(a+)+'}]}, {name: b}]", "too costly"),
        ("routes: [{name: a, matchers: [{name: severity, value: P1}]}, {name: b}]", "does not say its scheme"),
    ],
)
def test_a_policy_that_cannot_be_used_says_why(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(PolicyError, match=cause) as refused:
        load_policy(policy_file(tmp_path, text), EVERYBODY)
    assert "policy.yaml" in str(refused.value)
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.yaml", EVERYBODY)


def test_addresses_are_secrets_and_what_is_empty_was_not_given() -> None:
    settings = settings_of(
        DSN,
        pagerduty_routing_key="K" * 32,
        slack_webhook_url="",
        notifier_contacts='{"ada": {"slack": "https://hooks.example.com/ada"}}',
    )
    assert set(settings.contacts()) == {("pagerduty", "on-call"), ("slack", "ada")}
    assert "K" * 32 not in repr(settings)
    assert "hooks.example.com" not in repr(settings)


@pytest.mark.parametrize(
    "given",
    [
        {"pagerduty_url": "http://pagerduty.example.com"},
        {"pagerduty_url": "http://localhost.example.com"},
        {"notifier_contacts": "no JSON"},
        {"notifier_tick_seconds": "0"},
    ],
)
def test_settings_that_cannot_be_used_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        settings_of(DSN, **given)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        *((status, "delivered") for status in (200, 202)),
        *((status, "refused") for status in (302, 400, 401, 403, 404, 410)),
        *((status, "failed") for status in (408, 500, 503)),
        (429, "later"),
    ],
)
def test_what_an_answer_means(status: int, answer: str) -> None:
    assert meaning(status, "text", "7", START).answer == answer


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("1.5", 1.5),
        ("Sat, 21 Nov 2026 09:00:40 GMT", 40.0),
        ("Sat, 21 Nov 2026 08:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
        ("-5", None),
        ("9" * 400, None),
    ],
)
def test_when_to_come_back(header: str | None, seconds: float | None) -> None:
    assert seconds_until(header, datetime(2026, 11, 21, 9, tzinfo=UTC)) == seconds


def notice(action: str = "trigger", *, words: str = "x", count: int = 20) -> Notice:
    board, _ = played(fires(0), tick(30))
    said = alert().model_copy(update={"summary": words * 512, "observed": words * 256, "owner": words * 256})
    told = tuple(Told(said, firing=True) for _ in range(count))
    return Notice("default", only(board), 2, action, "room", START, told, 5_000)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ["trigger", "acknowledge", "resolve"])
@pytest.mark.parametrize("words", ["x", "&", "<", "\U0001f525"])
def test_slack_gets_no_more_than_it_takes(action: str, words: str) -> None:
    made = slack.blocks(notice(action, words=words))
    texts = [block["text"]["text"] for block in made]
    assert len(made) <= 50
    assert len(texts[0]) <= 150
    assert all(len(text) <= 3_000 for text in texts)
    assert sum(map(len, texts)) < 12_000


def test_pagerduty_gets_no_more_than_it_takes() -> None:
    event = pagerduty.event(notice(words="\U0001f525"))
    assert len(event["payload"]["summary"]) <= 1_024
    assert len(str(event).encode()) < 512_000
    assert pagerduty.event(notice("resolve")) == {}


def test_alertmanager_gets_its_own_form() -> None:
    payload = alertmanager.payload(notice("resolve"))
    assert (payload["version"], payload["status"], payload["truncatedAlerts"]) == ("4", "resolved", 4_980)
    assert {each["labels"]["severity_scheme"] for each in payload["alerts"]} == {"p0p3"}
    assert payload["alerts"][0]["labels"]["alertname"] == "budget.zone"


async def test_a_provider_that_hangs_was_not_heard_and_one_that_hangs_up_neither(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "ATTEMPT_SECONDS_MAX", 0.3)
    monkeypatch.setattr(alertmanager, "ATTEMPT_SECONDS_MAX", 0.3)
    with provider(*[(-1, {})] * 3, *[(0, {})] * 3) as stub:
        settings = settings_of(DSN, pagerduty_url=stub.url)
        async with open_channels(settings) as channels:
            for name in ("pagerduty", "slack", "alertmanager") * 2:
                sent = await channels[name].send(notice(), "R" * 32 if name == "pagerduty" else stub.url)
                assert sent.answer == "failed", name
                assert sent.detail.startswith("no answer: "), name
    assert len(stub.got) == 6
