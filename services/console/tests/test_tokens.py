"""Whose token it is, what role it has and when it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from console.domain.roles import Caller, Role
from console.domain.tokens import TokenError, digest_of_token, holder_of, token_in, tokens_by_digest

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ADA, BOT = digest_of_token("token-of-ada"), digest_of_token("token-of-bot")
TOKENS = tokens_by_digest(f"ada:reviewer:{ADA.upper()}:2026-11-21T11:30:00+02:00, checkout:agent:{BOT},")


def test_a_token_is_known_by_its_digest_and_good_until_it_ends() -> None:
    before = NOW - timedelta(microseconds=1)
    assert holder_of(ADA, TOKENS, before) == Caller("ada", Role.REVIEWER)
    assert holder_of(BOT, TOKENS, NOW).actor == "agent:checkout"
    assert TOKENS[ADA].caller.systems is None
    with pytest.raises(TokenError, match=r"'ada' has expired \(2026-11-21T09:30:00Z\)"):
        holder_of(ADA, TOKENS, NOW)
    with pytest.raises(TokenError, match="no known"):
        holder_of(digest_of_token("other"), TOKENS, NOW)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic token-of-ada", "token-of-ada"])
def test_anything_but_a_bearer_token_is_none(header: str) -> None:
    assert token_in(header) is None


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.REVIEWER, {Role.VIEWER, Role.REVIEWER}),
        (Role.ADMIN, {Role.VIEWER, Role.REVIEWER, Role.ADMIN, Role.AGENT}),
        (Role.AGENT, {Role.AGENT}),
    ],
)
def test_people_stand_on_a_ladder_and_agents_beside_it(role: Role, may: set[Role]) -> None:
    assert {needed for needed in Role if Caller("x", role).may(needed)} == may


@pytest.mark.parametrize(
    ("setting", "cause"),
    [
        ("", "at least one token"),
        (" , ", "at least one token"),
        (ADA, "entry 1 has no name, role and digest"),
        (f"ada:{ADA}", "name:role:digest"),
        (f"ada:admin:{ADA[:-1]}", "64 hexadecimal"),
        (f"ada:root:{ADA}", "viewer, reviewer, admin, agent"),
        (f"a b:admin:{ADA}", "a name has letters"),
        (f"{'n' * 65}:admin:{ADA}", "at most 64"),
        (f"ada:admin:{ADA}:soon", "2027-01-31"),
        (f"ada:admin:{ADA},bob:viewer:{ADA}", "one token, one name"),
        (f"Ada:admin:{ADA},ada:agent:{BOT}", "an agent and a person"),
        (f"ada:admin@checkout:{ADA}", "agents alone are bound to systems; write admin"),
        (f"Check out:agent:{BOT}", "a name has letters"),
        (f"Bot:agent:{BOT}", "'Bot' is no name of a system; write its role as agent@checkout"),
        (f"bot:agent@a++b:{BOT}", "'' is no name of a system"),
        (f"bot:agent@*+a:{BOT}", r"'\*' is no name of a system"),
    ],
)
def test_a_setting_that_admits_nobody_or_is_misspelt_is_refused(setting: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        tokens_by_digest(setting)


@pytest.mark.parametrize(
    ("role", "spoken_for"),
    [
        ("agent", {("default", "checkout")}),
        ("agent@returns", {("default", "returns")}),
        ("agent@checkout+returns", {("default", "checkout"), ("default", "returns")}),
        ("agent@*", {("default", "checkout"), ("default", "returns"), ("acme", "checkout")}),
    ],
)
def test_an_agent_speaks_for_the_systems_of_its_token_or_else_of_its_name(
    role: str, spoken_for: set[tuple[str, str]]
) -> None:
    caller = tokens_by_digest(f"checkout:{role}:{BOT}:2027-01-31T18:00:00Z")[BOT].caller
    asked = [("default", "checkout"), ("default", "returns"), ("acme", "checkout")]
    assert {(tenant, system) for tenant, system in asked if caller.speaks_for(system, tenant)} == spoken_for
