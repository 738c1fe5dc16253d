"""Services in one event loop, and as processes."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from flyball.stack import ServiceProcess, StackError, StartFailed, embedded_services, services
from flyball.stack.services import answers_ready

HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def two_tiny_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [HERE, *sys.path])
    entries = [EntryPoint(name, "tiny_service.app:serve", services.GROUP) for name in ("tiny-one", "tiny-two")]
    monkeypatch.setattr(services, "entry_points", lambda group: entries)


async def test_embedded_services_get_ports_of_their_own_and_end_with_the_body() -> None:
    async with embedded_services({}) as urls:
        assert list(urls) == ["tiny-one", "tiny-two"]
        assert len(set(urls.values())) == 2
        assert all([await answers_ready(url) for url in urls.values()])
    assert not any([await answers_ready(url) for url in urls.values()])


async def test_a_service_that_fails_ends_the_others_and_the_body() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with embedded_services({"TINY_FAILURE": "out of luck"}):
            pytest.fail("the body must not run")
    assert caught.group_contains(RuntimeError, match="out of luck")


async def test_an_unknown_service_is_named() -> None:
    with pytest.raises(StackError, match=r"no service 'giant'.*tiny-one"):
        async with embedded_services({}, ["giant"]):
            pytest.fail("the body must not run")


async def test_a_replica_as_a_process_is_killed_and_comes_back_on_its_port(tmp_path: Path) -> None:
    replica = ServiceProcess("tiny-one", {"PYTHONPATH": HERE}, tmp_path, replica=2)
    await replica.start()
    assert await answers_ready(replica.url)
    await replica.kill()
    assert not await answers_ready(replica.url)
    await replica.restart()
    assert await answers_ready(replica.url)
    await replica.stop()
    assert not replica.running


async def test_a_replica_that_fails_shows_its_log(tmp_path: Path) -> None:
    replica = ServiceProcess("tiny-one", {"PYTHONPATH": HERE, "TINY_FAILURE": "out of luck"}, tmp_path)
    with pytest.raises(StartFailed, match=r"(?s)tiny-one .*out of luck"):
        await replica.start()
