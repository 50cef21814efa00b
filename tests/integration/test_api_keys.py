"""API keys in PostgreSQL, and the commands that make and revoke them."""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg
import pytest

from orders.cli.main import main
from orders.domain.api_keys import ActiveKey, RateLimit, Scope, digest_of, mint_key
from orders.persistence.api_keys import PostgresKeyStore, operator_keys
from orders.persistence.migrations import migrate

pytestmark = pytest.mark.integration

BOTH = (Scope.READ, Scope.WRITE)


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


Orders = Callable[..., Done]


@pytest.fixture
def orders(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys) -> Orders:
    """The command line on a migrated database."""
    monkeypatch.setenv("ORDERS_DATABASE__URL", database_url)
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    def run(*words: str) -> Done:
        monkeypatch.setattr("sys.argv", ["orders", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Done(int(left.value.code or 0), out, err)

    return run


@pytest.fixture
def keys(database_url: str) -> Iterator[PostgresKeyStore]:
    with operator_keys(database_url) as store:
        yield store


def create(keys: PostgresKeyStore, **changes) -> str:
    arguments = {
        "tenant_id": "acme",
        "scopes": BOTH,
        "name": "shop",
        "seconds": None,
        "limit": None,
    }
    key = mint_key()
    assert keys.create(key, **(arguments | changes)) is not None
    return key.key_id


def test_a_node_reads_a_key_as_it_was_made(keys: PostgresKeyStore) -> None:
    key = mint_key()
    limit = RateLimit(2.5, 7)

    keys.create(key, tenant_id="acme", scopes=BOTH, name="", seconds=None, limit=limit)

    assert keys.active_keys() == (
        ActiveKey(key.key_id, key.digest, "acme", frozenset(BOTH), None, limit),
    )


def test_the_secret_is_nowhere_in_the_database(orders: Orders, database_url) -> None:
    text = orders("keys", "create", "--scope", "orders:read").out.strip()

    with psycopg.connect(database_url) as connection:
        [row] = connection.execute("select api_keys::text from api_keys").fetchall()
    secret = text.rpartition("_")[2]
    assert secret not in str(row)
    assert digest_of(secret).hex() in str(row)


def test_a_key_that_expires_has_its_seconds_left(keys: PostgresKeyStore) -> None:
    create(keys, seconds=100)

    [key] = keys.active_keys()

    assert key.seconds_left is not None
    assert 0 < key.seconds_left <= 100


def test_expired_and_revoked_keys_are_not_read(keys: PostgresKeyStore) -> None:
    create(keys, seconds=-1)
    revoked = create(keys)
    left = create(keys)

    keys.revoke(revoked)

    assert [key.key_id for key in keys.active_keys()] == [left]


def test_two_keys_are_active_while_rotating(keys: PostgresKeyStore) -> None:
    ids = {create(keys), create(keys)}

    assert {key.key_id for key in keys.active_keys()} == ids


def test_a_key_stays_revoked_since_the_first_time(keys: PostgresKeyStore) -> None:
    key_id = create(keys)

    first, second = keys.revoke(key_id), keys.revoke(key_id)

    assert first == second
    assert first is not None
    assert first.revoked_at is not None


def test_an_unknown_scope_allows_nothing(keys: PostgresKeyStore, database_url) -> None:
    create(keys)
    with psycopg.connect(database_url) as connection:
        connection.execute("update api_keys set scopes = '{orders:read,of:tomorrow}'")

    [key] = keys.active_keys()

    assert key.scopes == {Scope.READ}


def test_no_more_keys_are_made_than_nodes_can_hold(keys: PostgresKeyStore) -> None:
    create(keys)
    create(keys, seconds=-1)
    key = mint_key()

    made = keys.create(
        key,
        tenant_id="acme",
        scopes=BOTH,
        name="",
        seconds=None,
        limit=None,
        max_active=1,
    )

    assert made is None


def test_a_node_may_read_keys_and_not_make_them(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "do $$ begin if not exists (select from pg_roles where rolname ="
            " 'orders_app') then create role orders_app; end if; end $$"
        )
        migrate(database_url)
        rights = connection.execute(
            "select privilege_type from information_schema.role_table_grants"
            " where grantee = 'orders_app' and table_name = 'api_keys'"
        ).fetchall()
        connection.execute("drop owned by orders_app")
        connection.execute("drop role orders_app")

    assert rights == [("SELECT",)]


# --- the commands --------------------------------------------------------------------


def test_a_key_is_shown_once_alone_on_its_line(orders: Orders) -> None:
    made = orders("keys", "create", "--tenant", "acme", "--scope", "orders:read")
    listed = orders("keys", "list")

    assert made.code == 0
    assert made.out.startswith("ok_")
    assert made.out.count("\n") == 1
    assert made.out.strip().rpartition("_")[2] not in listed.out
    assert made.out.split("_")[1] in listed.out


def test_keys_are_listed_with_what_they_allow(orders: Orders) -> None:
    made = orders(
        *("keys", "create", "--tenant", "acme", "--name", "shop", "--expires", "90d"),
        *("--scope", "orders:write", "--scope", "orders:read"),
        *("--rate", "5", "--burst", "9", "--json"),
    ).json

    [listed] = orders("keys", "list", "--json").json

    assert made.pop("key").startswith(f"ok_{listed['key_id']}_")
    assert listed == made
    assert (listed["tenant_id"], listed["name"]) == ("acme", "shop")
    assert listed["scopes"] == ["orders:read", "orders:write"]
    assert (listed["rate_per_second"], listed["burst"]) == (5, 9)
    assert listed["expires_at"] > listed["created_at"]
    assert "digest" not in listed


def test_a_revoked_key_stays_in_the_list(orders: Orders) -> None:
    made = orders("keys", "create", "--scope", "orders:read", "--json").json

    done = orders("keys", "revoke", made["key_id"])
    [listed] = orders("keys", "list", "--json").json

    assert done.out == f"revoked {made['key_id']}\n"
    assert listed["revoked_at"] is not None


def test_an_unknown_key_cannot_be_revoked(orders: Orders) -> None:
    done = orders("keys", "revoke", "0" * 16)

    assert (done.code, done.err) == (1, f"orders: there is no key {'0' * 16}\n")


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", "--scope", "orders:all"),
        ("create", "--scope", "orders:read", "--tenant", "a b"),
        ("create", "--scope", "orders:read", "--tenant", ""),
        ("create", "--scope", "orders:read", "--expires", "soon"),
        ("create", "--scope", "orders:read", "--expires", "0d"),
        ("create", "--scope", "orders:read", "--name", "a\x1b[2J"),
        ("create", "--scope", "orders:read", "--burst", "5"),
        ("revoke", "nonsense"),
    ],
    ids=" ".join,
)
def test_wrong_usage_makes_no_key(orders: Orders, words: tuple[str, ...]) -> None:
    done = orders("keys", *words)

    assert done.code == 2
    assert orders("keys", "list", "--json").json == []


def test_a_whole_key_is_not_repeated_by_an_error(orders: Orders) -> None:
    text = mint_key().text

    done = orders("keys", "revoke", text)

    assert done.code == 2
    assert text.rpartition("_")[2] not in done.out + done.err
