import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.stats.count_bets import rate_bets, score_bets, stack
from flyball.stats.shiryaev_roberts import after_pane, alarm_line, log_statistic, no_evidence, panes_since_change

BETS = stack([score_bets([500] * 10), rate_bets(50, 5_000, streams=2)])
PANES = st.lists(st.lists(st.integers(0, 1_000), min_size=10, max_size=10), min_size=1, max_size=20)


def padded(pane: list[int]) -> np.ndarray:
    return np.array([pane, [*pane[:2], *[0] * 8]])


def test_one_pane_by_hand() -> None:
    bets = rate_bets(0, 500, streams=1)
    state = after_pane(no_evidence(bets), bets, [[3, 1]])
    factors = np.exp(3 * bets.log_gain[0, :5, 0] + bets.log_gain[0, :5, 1])
    assert np.exp(log_statistic(state, bets)) == pytest.approx([factors.mean()])
    again = after_pane(state, bets, [[3, 1]])
    assert np.exp(log_statistic(again, bets)) == pytest.approx([((factors + 1) * factors).mean()])


@given(PANES)
def test_m_is_the_sum_over_starts_of_the_products_since(panes: list[list[int]]) -> None:
    state, log_e = no_evidence(BETS), []
    for pane in panes:
        state = after_pane(state, BETS, padded(pane))
        log_e.append(np.matmul(BETS.log_gain, padded(pane)[..., None].astype(float))[..., 0])
    products = np.cumsum(np.array(log_e)[::-1], axis=0)
    expected = np.logaddexp.reduce(products, axis=0)
    assert state.log_m[BETS.active] == pytest.approx(expected[BETS.active], rel=1e-9, abs=1e-6)


@given(st.lists(st.lists(st.integers(0, 99), min_size=10, max_size=10), min_size=1, max_size=8), st.randoms())
def test_any_split_of_a_pane_in_any_order_gives_the_same_state(deltas: list[list[int]], random: object) -> None:
    whole = after_pane(no_evidence(BETS), BETS, sum(padded(delta) for delta in deltas))
    shuffled = list(deltas)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    parts = after_pane(no_evidence(BETS), BETS, sum(padded(delta) for delta in shuffled))
    assert whole.log_m.tobytes() == parts.log_m.tobytes()


def test_the_expectation_after_t_quiet_panes_is_at_most_t() -> None:
    bets = rate_bets(100, 1_000, streams=1)
    rate = 0.1
    states = {(): (no_evidence(bets), 1.0)}
    for pane in range(1, 8):
        states = {
            (*path, hit): (after_pane(state, bets, [[1 - hit, hit]]), chance * (rate if hit else 1 - rate))
            for path, (state, chance) in states.items()
            for hit in (0, 1)
        }
        mean = sum(chance * np.exp(log_statistic(state, bets)[0]) for state, chance in states.values())
        assert mean <= pane + 1e-9


def test_it_neither_overflows_nor_vanishes() -> None:
    state = no_evidence(BETS)
    for _ in range(50):
        state = after_pane(state, BETS, padded([10**9] + [0] * 9))
    assert np.isfinite(log_statistic(state, BETS)).all()
    assert log_statistic(state, BETS)[0] > 1e9
    for _ in range(50):
        state = after_pane(state, BETS, padded([10**9] * 10))
    assert np.isfinite(log_statistic(state, BETS)).all()


def test_a_stream_without_bets_has_no_evidence() -> None:
    bets = score_bets([0, 900, 0])
    state = after_pane(no_evidence(bets), bets, [[0, 50, 50]])
    assert log_statistic(state, bets).tolist() == [-np.inf]


def test_the_change_is_dated() -> None:
    state = no_evidence(BETS)
    for _ in range(30):
        state = after_pane(state, BETS, padded([20] * 10))
    for _ in range(7):
        state = after_pane(state, BETS, padded([10] * 5 + [30] * 5))
    assert panes_since_change(state)[0] == 7


def test_the_line_shares_one_budget() -> None:
    assert alarm_line(259_200, 25) == 6_480_000
    for panes, streams in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="at least one"):
            alarm_line(panes, streams)


def test_state_takes_sixteen_bytes_a_bet() -> None:
    assert no_evidence(BETS).size_bytes == 16 * BETS.active.size
