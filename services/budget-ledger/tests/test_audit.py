"""Every change of zone is on the record, and comes out the same when it is decided again."""

import json
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_builders import START, play, summary

from budget_ledger.domain.audit import decide_again
from flyball.schemas.digest import digest_of

PART = st.tuples(st.integers(0, 400), st.integers(0, 40), st.integers(0, 60), st.integers(0, 2))


@settings(max_examples=50)
@given(st.lists(PART, min_size=1, max_size=20))
def test_each_recorded_decision_comes_out_the_same_again(parts: list[tuple[int, int, int, int]]) -> None:
    stream = [
        summary(START + timedelta(hours=hours * number), judged=(passed, failed), attacks=(20, through))
        for number, (passed, failed, hours, through) in enumerate(parts)
    ]
    outcome = play(stream, recorded=[START + timedelta(hours=60 * number) for number in range(len(stream))])
    for record in outcome.audits:
        inputs = json.loads(json.dumps(record.inputs))
        assert decide_again(inputs) == record.decision
        assert digest_of(inputs) == record.inputs_digest


def test_a_change_is_recorded_once_and_names_its_cause() -> None:
    outcome = play([summary(judged=(100, 0)), summary(START + timedelta(hours=1), judged=(0, 100))])
    changes = [(record.subject, record.decision) for record in outcome.audits if "accuracy" in record.subject]
    assert changes == [("default/support/accuracy", "green"), ("default/support/accuracy", "red")]
    assert "cause-1" in outcome.audits[-1].reason
