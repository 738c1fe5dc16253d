"""An edit, a cut tail, a re-order and a forged checkpoint are each named, at the right place."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_log.adapters.files import CheckpointFile
from audit_log.adapters.signing import Ed25519Signer, load_signer
from audit_log.domain.chain import Head, Link, append, hash_of
from audit_log.domain.checkpoints import Checkpoint, unsigned
from audit_log.domain.verify import Finding, verify

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TENANT = "default"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Ed25519Signer:
    return load_signer(tmp_path_factory.mktemp("keys") / "key.pem")


def chain(length: int, word: str = "allowed") -> list[Link]:
    head, links = Head(TENANT), []
    for number in range(length):
        link = append(head, {"id": str(number), "decision": f"{word} {number}"}, NOW)
        head = link.head
        links.append(link)
    return links


def checkpoint(signer: Ed25519Signer, link: Link) -> Checkpoint:
    return signer.sign(unsigned(link.head, NOW.isoformat(), signer.key_id))


def named(findings: tuple[Finding, ...]) -> list[tuple[str, int]]:
    return [(finding.kind, finding.sequence) for finding in findings]


def test_an_untouched_chain_is_intact(signer: Ed25519Signer) -> None:
    links = chain(10)
    verdict = verify(TENANT, links, [checkpoint(signer, links[4]), checkpoint(signer, links[9])], signer.is_genuine)
    assert (verdict.links, verdict.checkpoints, verdict.findings) == (10, 2, ())


@given(st.integers(0, 9))
def test_an_edit_is_named_where_it_is(place: int) -> None:
    links = chain(10)
    links[place] = replace(links[place], text=links[place].text.replace("allowed", "denied"))
    assert named(verify(TENANT, links, (), lambda _: True).findings) == [("edited", place + 1)]


@given(st.integers(0, 8))
def test_an_edit_with_its_hash_made_anew_breaks_the_next_link(place: int) -> None:
    links = chain(10)
    text = links[place].text.replace("allowed", "denied")
    links[place] = replace(links[place], text=text, hash=hash_of(text))
    assert named(verify(TENANT, links, (), lambda _: True).findings) == [("broken_link", place + 2)]


@given(st.integers(0, 8))
def test_two_that_changed_places_are_named(place: int) -> None:
    links = chain(10)
    one, other = links[place], links[place + 1]
    links[place] = replace(other, sequence=one.sequence)
    links[place + 1] = replace(one, sequence=other.sequence)
    found = named(verify(TENANT, links, (), lambda _: True).findings)
    assert ("reordered", place + 1) in found
    assert ("reordered", place + 2) in found


@given(st.integers(1, 9))
def test_one_that_is_gone_from_the_middle_is_named(place: int) -> None:
    links = chain(11)
    del links[place]
    assert ("missing", place + 2) in named(verify(TENANT, links, (), lambda _: True).findings)


def test_a_cut_tail_shows_by_its_checkpoint(signer: Ed25519Signer) -> None:
    links = chain(10)
    promised = [checkpoint(signer, links[9])]
    assert named(verify(TENANT, links[:7], promised, signer.is_genuine).findings) == [("cut_tail", 8)]


def test_a_chain_made_anew_shows_by_its_checkpoint(signer: Ed25519Signer) -> None:
    promised = [checkpoint(signer, chain(10)[4])]
    anew = chain(10, word="denied")
    assert named(verify(TENANT, anew, promised, signer.is_genuine).findings) == [("rewritten", 5)]


def test_a_forged_checkpoint_is_named_and_proves_nothing(signer: Ed25519Signer, tmp_path: Path) -> None:
    links = chain(10)
    stranger = load_signer(tmp_path / "stranger.pem")
    forged = [
        checkpoint(stranger, links[9]),
        replace(checkpoint(signer, links[6]), sequence=5),
        replace(checkpoint(signer, links[7]), signature="not base64"),
    ]
    found = named(verify(TENANT, links, forged, signer.is_genuine).findings)
    assert found == [("forged_checkpoint", 10), ("forged_checkpoint", 5), ("forged_checkpoint", 8)]


def test_a_last_link_that_was_rewritten_and_signed_anew_shows_by_its_first_checkpoint(signer: Ed25519Signer) -> None:
    links, anew = chain(10), chain(10, word="denied")
    rewritten = [*links[:9], append(links[8].head, anew[9].content["event"], NOW)]
    promised = [checkpoint(signer, links[9]), checkpoint(signer, rewritten[9])]
    assert named(verify(TENANT, rewritten, promised, signer.is_genuine).findings) == [("rewritten", 10)]


async def test_checkpoints_come_back_from_their_file_but_for_a_line_cut_short(
    signer: Ed25519Signer, tmp_path: Path
) -> None:
    store = CheckpointFile(tmp_path / "deep" / "checkpoints.jsonl")
    assert await store.read(TENANT) == []
    first, *later = kept = [checkpoint(signer, link) for link in chain(3)]
    await store.put(first)
    with store.path.open("a") as file:
        file.write('{"tenant": "def')
    assert await store.read(TENANT) == [first]
    for each in later:
        await store.put(each)
    assert await store.read(TENANT) == kept
    assert await store.read("another") == []


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "key.pem"
    assert load_signer(path).key_id == load_signer(path).key_id
    assert path.stat().st_mode & 0o777 == 0o600
