"""Whatever comes, in whatever pieces: blocks, decisions and routing hold what they promise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from rollout_builders import BASELINE, CANDIDATE, QUICK, START, changed_policy, fresh, rollout, seen

from rollback_executor.domain.blocks import Observed
from rollback_executor.domain.decide import decide_all
from rollback_executor.domain.facts import Intent
from rollback_executor.domain.inputs import Command, Input, Receipt, Tick, body_of, input_of, kind_of
from rollback_executor.domain.rollout import Pointer
from rollback_executor.domain.routing import bucket_of, release_for

SUMMARY = st.tuples(
    st.integers(0, 60),
    st.sampled_from([BASELINE, CANDIDATE, "0.9.0"]),
    st.integers(1, 200),
    st.integers(0, 100),
    st.integers(0, 90),
)
STREAM = st.lists(SUMMARY, min_size=1, max_size=60)
POLICY = changed_policy(block_seconds=20, lateness_seconds=10, dwell_seconds_min=20)


def stream_of(parts: Sequence[tuple[int, str, int, int, int]]) -> list[Observed]:
    """Append times never fall, however late the events are."""
    made: list[Observed] = []
    for bucket, release, count, bad, delay in parts:
        one = seen(START + timedelta(seconds=10 * bucket), release, count, min(bad, count), delay_seconds=delay)
        recorded_at = max([one.recorded_at, *(other.recorded_at for other in made[-1:])])
        made.append(replace(one, recorded_at=recorded_at))
    return made


def started() -> list[Input]:
    return [
        Command(kind="approve", epoch=1, actor="user:ada", reason="go", at=START),
        Receipt(epoch=2, outcome="accepted", detail="told", at=START),
    ]


@settings(max_examples=60)
@given(STREAM, st.integers(1, 9))
def test_batches_change_nothing(parts: list[tuple[int, str, int, int, int]], size: int) -> None:
    stream: list[Input] = [*started(), *stream_of(parts)]
    whole, told = decide_all(rollout(), stream, POLICY)
    step, pieces = rollout(), []
    for at in range(0, len(stream), size):
        step, facts = decide_all(step, stream[at : at + size], POLICY)
        pieces += facts
    assert (step, tuple(pieces)) == (whole, told)


@settings(max_examples=60)
@given(STREAM)
def test_no_interaction_is_counted_twice_or_lost(parts: list[tuple[int, str, int, int, int]]) -> None:
    """Every interaction of an arm is in one block or is late; here all end in blocks, for a last record closes them."""
    stream = stream_of(parts)
    last = replace(seen(START + timedelta(hours=1), "0.9.0", 1), recorded_at=START + timedelta(hours=2))
    policy = POLICY.model_copy(update={"modes": {"errors": "observe", "latency": "observe"}})
    policy = policy.model_copy(update={"stage_seconds_max": 600_000, "candidate_interactions_min": 10_000_000})
    after, _ = decide_all(rollout(), [*started(), *stream, last], policy)
    mine = [one for one in stream if one.release in {BASELINE, CANDIDATE}]
    assert after.gathering.open_blocks == {}
    counted = after.stage.candidate_count + after.stage.baseline_count
    assert counted + after.gathering.late_interactions == sum(one.counts.interactions for one in mine)


@settings(max_examples=60)
@given(STREAM, st.integers(0, 60), st.sampled_from(["approve", "pause", "resume", "promote", "rollback"]))
def test_a_stale_epoch_changes_nothing(parts: list[tuple[int, str, int, int, int]], at: int, kind: str) -> None:
    before, _ = decide_all(rollout(), [*started(), *stream_of(parts)[:at]], POLICY)
    stale: list[Input] = [
        Command(kind=kind, epoch=before.epoch - 1, actor="user:eve", reason="late", at=START),  # type: ignore[arg-type]
        Receipt(epoch=before.epoch - 1, outcome="refused", detail="late", at=START),
        Receipt(epoch=before.epoch - 1, outcome="accepted", detail="late", at=START),
    ]
    after, facts = decide_all(before, stale, POLICY)
    assert facts == ()
    assert replace(after, sequence=before.sequence, inputs_digest=before.inputs_digest) == before


@settings(max_examples=60)
@given(STREAM, st.sampled_from(["quality", "safety"]), st.integers(0, 400))
def test_a_required_metric_that_is_missing_never_passes(
    parts: list[tuple[int, str, int, int, int]], metric: str, ticks: int
) -> None:
    policy = changed_policy(
        required_metrics=[metric], dwell_seconds_min=10, candidate_interactions_min=1, block_seconds=10
    )
    stream: list[Input] = [*started(), *stream_of(parts)]
    end = START + timedelta(hours=1)
    stream += [Tick(at=end + timedelta(seconds=10 * n), elapsed_ms=10_000) for n in range(ticks)]
    after, facts = decide_all(rollout(), stream, policy)
    shares = [fact.token.share_basis_points for fact in facts if isinstance(fact, Intent)]
    assert shares in ([500], [500, 0])
    assert after.step in {"canary", "rolling_back", "verifying", "rolled_back", "rollback_failed"}
    if ticks * 10 >= policy.hold_seconds_max + 10:
        assert after.step != "canary", "at the deadline it rolls back"


@settings(max_examples=60)
@given(STREAM)
def test_inputs_come_back_from_the_journal_as_they_were(parts: list[tuple[int, str, int, int, int]]) -> None:
    for one in [*started(), *stream_of(parts)]:
        assert input_of(kind_of(one), body_of(one)) == one


@given(st.text(min_size=1, max_size=40), st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_growing_share_keeps_its_units(unit: str, share: int, more: int) -> None:
    small = Pointer(stable=BASELINE, candidate=CANDIDATE, share_basis_points=min(share, more), rollout_id="r")
    large = replace(small, share_basis_points=max(share, more))
    if release_for(small, unit) == CANDIDATE:
        assert release_for(large, unit) == CANDIDATE


def test_routing_is_the_rule_that_others_compute_too() -> None:
    # printf rollout-1user-1 | sha256sum
    assert bucket_of("rollout-1", "user-1") == 8_522
    part = sum(bucket_of("rollout-1", f"user-{n}") < 500 for n in range(20_000)) / 20_000
    assert 0.045 < part < 0.055


def test_in_shadow_the_candidate_serves_nobody() -> None:
    pointer = Pointer(stable=BASELINE, candidate=CANDIDATE, is_shadow=True, rollout_id="r", share_basis_points=10_000)
    assert release_for(pointer, "user-1") == BASELINE


def test_a_block_is_closed_by_later_events_alone() -> None:
    world = fresh().start()
    at = START.replace(minute=5)
    world.traffic(seen(at, BASELINE, 10), seen(at, CANDIDATE, 10))
    for _ in range(100):
        world.tick()
    world.traffic(replace(seen(at, BASELINE, 1), recorded_at=world.now))
    assert world.rollout.stage.blocks == 0, "neither ticks nor records of the same events close one"
    edge = at + timedelta(seconds=QUICK.block_seconds + QUICK.lateness_seconds)
    world.traffic(replace(seen(edge - timedelta(seconds=10), BASELINE, 1), recorded_at=world.now))
    assert world.rollout.stage.blocks == 0
    world.traffic(replace(seen(edge, BASELINE, 1), recorded_at=world.now))
    world.traffic(replace(seen(at, BASELINE, 7), recorded_at=world.now))
    assert (world.rollout.stage.blocks, world.rollout.gathering.late_interactions) == (1, 7)


def test_a_clock_that_runs_ahead_closes_no_block_before_its_record_was_written() -> None:
    world = fresh().start()
    at = START.replace(minute=5)
    world.traffic(seen(at, BASELINE, 10))
    ahead = seen(at + timedelta(minutes=4), CANDIDATE, 1)
    world.traffic(replace(ahead, recorded_at=at + timedelta(seconds=12)))
    world.traffic(seen(at, BASELINE, 5))
    assert world.rollout.gathering.late_interactions == 0
