from flyball.observe.health import Health, Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_consumer_that_polls_and_holds_partitions_is_alive() -> None:
    clock = Clock()
    progress = Progress("summaries", clock)
    for _ in range(100):
        clock.now += 59
        progress.polled(assigned=True)
    assert progress.stalled() is None


def test_not_polling_is_a_stall() -> None:
    clock = Clock()
    progress = Progress("summaries", clock)
    progress.polled(assigned=True)
    clock.now += 61
    assert "has not polled for 61 s" in (progress.stalled() or "")


def test_holding_nothing_is_a_stall_however_often_it_polls() -> None:
    clock = Clock()
    progress = Progress("summaries", clock)
    for _ in range(7):
        clock.now += 10
        progress.polled(assigned=False)
    assert "has held no partition for 70 s" in (progress.stalled() or "")


def test_ready_means_started_holding_and_not_stopping() -> None:
    progress = Progress("summaries")
    health = Health([progress])
    assert health.waiting_for() == ["starting"]
    health.started = True
    assert health.waiting_for() == ["summaries holds no partition yet"]
    progress.polled(assigned=True)
    assert health.waiting_for() == []
    health.stopping = True
    assert health.waiting_for() == ["stopping"]
