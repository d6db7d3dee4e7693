"""Whose account a store is about, and when the token is asked for its user."""

from dataclasses import dataclass, field

import pytest
import structlog

from daemon.core.exceptions import AuthError, ForeignStoreError, ProtocolError
from daemon.core.owner import Owner, owner_note
from daemon.core.records import TokenInfo
from daemon.integrator.protocol import BaseUrl
from daemon.pipeline.ownership import Ownership
from daemon.store.memory import MemoryStore

HERE = "https://api.integrator.io/v1"


@dataclass
class Tokens:
    """A token, and an integrator.io that knows of which user each token is; None refuses it."""

    users: dict[str, str | None] = field(default_factory=lambda: {"t1": "u1", "t2": "u1", "t3": "u2"})
    token: str = "t1"
    asked: list[str] = field(default_factory=list)

    async def token_info(self) -> TokenInfo:
        self.asked.append(self.token)
        user_id = self.users[self.token]
        if user_id is None:
            raise AuthError("refused", status=401)
        return TokenInfo(user_id=user_id)


def of(tokens: Tokens, store: MemoryStore, *, base_url: str = HERE, share_id: str = "") -> Ownership:
    """Return the ownership of account "acme", as a new process has it."""
    return Ownership(
        account="acme",
        base_url=base_url,
        share_id=share_id,
        token=lambda: tokens.token,
        client=tokens,
        store=store,
        log=structlog.get_logger(),
    )


async def test_a_store_takes_the_first_user_and_asks_only_once() -> None:
    tokens, store = Tokens(), MemoryStore()
    ownership = of(tokens, store)

    assert [await ownership.check() for _ in range(3)] == ["u1", "u1", "u1"]
    assert tokens.asked == ["t1"]
    assert await store.get_meta(owner_note("acme")) == Owner(user_id="u1", base_url=HERE).to_note()


@pytest.mark.parametrize(
    ("token", "where"),
    [
        pytest.param("t3", {}, id="another user"),
        pytest.param("t1", {"base_url": "https://api.eu.integrator.io/v1"}, id="another address"),
        pytest.param("t1", {"share_id": "s1"}, id="another share"),
    ],
)
async def test_under_another_identity_a_store_is_refused_and_left_as_it_was(token: str, where: dict[str, str]) -> None:
    tokens, store = Tokens(), MemoryStore()
    await of(tokens, store).check()
    before = dict(store.notes)

    tokens.token = token
    with pytest.raises(ForeignStoreError) as refused:
        await of(tokens, store, **where).check()
    for told in ("user u1 at https://api.integrator.io/v1", "would mix", "store.url", "db rebind --account acme"):
        assert told in str(refused.value)
    assert token not in str(refused.value)
    assert store.notes == before


async def test_a_new_token_of_the_same_user_is_taken_and_one_of_another_user_refused_without_a_restart() -> None:
    tokens, store = Tokens(), MemoryStore()
    ownership = of(tokens, store)
    await ownership.check()

    tokens.token = "t2"
    assert await ownership.check() == "u1"
    tokens.token = "t3"
    for _ in range(2):
        with pytest.raises(ForeignStoreError):
            await ownership.check()
        assert ownership.user_id == ""
    tokens.token = "t1"
    assert await ownership.check() == "u1"
    assert tokens.asked == ["t1", "t2", "t3", "t3", "t1"]


async def test_after_a_refused_token_the_same_token_is_asked_again() -> None:
    tokens, store = Tokens(), MemoryStore()
    ownership = of(tokens, store)
    await ownership.check()
    ownership.forget()
    tokens.users["t1"] = "u2"

    with pytest.raises(ForeignStoreError):
        await ownership.check()


@pytest.mark.parametrize(("user_id", "failure"), [("", ProtocolError), (None, AuthError)])
async def test_a_store_is_bound_to_nobody_while_nobody_is_named(user_id: str | None, failure: type[Exception]) -> None:
    tokens, store = Tokens(users={"t1": user_id}), MemoryStore()
    with pytest.raises(failure):
        await of(tokens, store).check()
    assert store.notes == {}


@pytest.mark.parametrize(
    "written",
    ["https://API.integrator.io/v1/", "https://api.integrator.io:443/v1", "https://api.integrator.io/v1"],
)
def test_one_address_written_in_several_ways_is_one_address(written: str) -> None:
    assert BaseUrl.parse(written).plain == HERE


@pytest.mark.parametrize(
    ("written", "plain"),
    [("http://localhost:8080/v1", "http://localhost:8080/v1"), ("https://h:80/v1", "https://h:80/v1")],
)
def test_an_unusual_port_is_part_of_the_address(written: str, plain: str) -> None:
    assert BaseUrl.parse(written).plain == plain
