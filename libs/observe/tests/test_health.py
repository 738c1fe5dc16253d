from flyball.observe.health import Health, Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_consumer_that_fetches_and_holds_partitions_is_alive() -> None:
    clock = Clock()
    progress = Progress("summaries", clock)
    for answer_ms in range(100):
        clock.now += 59
        progress.saw(assigned=True, answer_ms=answer_ms)
    assert progress.stalled() is None


def test_a_consumer_that_hangs_is_stalled() -> None:
    clock = Clock()
    progress = Progress("summaries", clock)
    progress.saw(assigned=True, answer_ms=1)
    clock.now += 61
    assert "has fetched nothing" in (progress.stalled() or "")


def test_polling_without_an_answer_is_a_stall() -> None:
    clock = Clock()
    progress = Progress("summaries", clock)
    for _ in range(8):
        clock.now += 10
        progress.saw(assigned=True, answer_ms=1)
    assert "has fetched nothing" in (progress.stalled() or "")


def test_holding_nothing_is_a_stall_however_often_it_polls() -> None:
    clock = Clock()
    progress = Progress("summaries", clock)
    for answer_ms in range(7):
        clock.now += 10
        progress.saw(assigned=False, answer_ms=answer_ms)
    assert "has held no partition for 70 s" in (progress.stalled() or "")


def test_ready_means_started_holding_and_not_stopping() -> None:
    progress = Progress("summaries")
    health = Health([progress])
    assert health.waiting_for() == ["starting"]
    health.started = True
    assert health.waiting_for() == ["summaries holds no partition yet"]
    progress.saw(assigned=True, answer_ms=1)
    assert health.waiting_for() == []
    health.stopping = True
    assert health.waiting_for() == ["stopping"]
