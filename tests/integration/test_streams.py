"""Every command on streams that it did not expect: a line and an exit code.

The commands run in forks of one process, since starting Python for each would take
minutes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.integration

ID = "018f0000-0000-7000-8000-000000000001"
KEY = "ok_0123456789abcdef_Geheim"
COMMANDS = [
    *("", "--help", "nonsense", "version", "version --json", "api", "config"),
    *("config --json", "api --write /dev/null/x", "status", "list", "migrate"),
    *("list --status gr\u00fcn", f"show {ID}", "show gr\u00fcn", "show \udcff"),
    *(f"{name} --help" for name in "serve migrate check topics list verify".split()),
    *(f"{name} --help" for name in "load demo refund keys dead-letters".split()),
    *("load --mix gr\u00fcn", "load --url http://u:Geheim@h", f"load {KEY}"),
    *(f"load --url http://u:Geheim@h:{KEY}", f"show {KEY}", f"keys revoke {KEY}"),
    *(f"list --limit {KEY}", f"refund {ID} {KEY}", "demo", "load --api-key @/nowhere"),
    *("keys list", "keys create --scope orders:read --name gr\u00fcn", f"cancel {ID}"),
]
FAILING = ("nonsense", "status", "show gr\u00fcn", "migrate", "demo")
OTHER_LETTERS = ["config", *(words for words in COMMANDS if not words.isascii())]
AS_JSON = ("api", "config --json", "version --json")
LOSING_OUTPUT = {
    "a full disk": "out=full",
    "a closed pipe": "out=pipe",
    "output closed": "out=closed",
}
LOSING_ERRORS = {
    "error closed": "err=closed",
    "error full": "err=full",
}
ALL_CLOSED = {"all closed": "in=closed out=closed err=closed"}
DRIVER = Path(__file__).with_name("commands_in_forks.py")


class Done(NamedTuple):
    code: int
    out: str
    err: str


Ran = dict[tuple[str, str], Done]


def run_all(commands: list[str], streams: dict[str, str], encoding: str) -> Ran:
    tasks = [(words, name) for words in commands for name in streams]
    done = subprocess.run(
        [sys.executable, DRIVER],
        input=json.dumps([(words.split(), streams[name]) for words, name in tasks]),
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")},
            "PYTHONIOENCODING": encoding,
            "ORDERS_DATABASE__URL": "postgresql://u:Geheim@127.0.0.1:1/d",
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "ORDERS_NODE_NAME": "n",
            "ORDERS_DATA_DIR": "gr\u00fcn-\u6ce8",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    results = [Done(*it) for it in json.loads(done.stdout)]
    return dict(zip(tasks, results, strict=True))


@pytest.fixture(scope="module")
def ran() -> Ran:
    """All commands on usable streams, and those that print on others."""
    usable = run_all(COMMANDS, {"usable": ""}, "utf-8")
    printing = [words for (words, _), done in usable.items() if done.out]
    assert len(printing) > 10
    return {
        **usable,
        **run_all(printing, LOSING_OUTPUT, "utf-8"),
        **run_all([*FAILING, *AS_JSON], LOSING_ERRORS, "utf-8"),
        **run_all([*FAILING, *AS_JSON], ALL_CLOSED, "utf-8"),
    }


@pytest.fixture(scope="module", params=["ascii", "iso-8859-1"])
def ran_in(request: pytest.FixtureRequest) -> Ran:
    """Commands that print other letters, in an encoding that lacks some of them."""
    return run_all([*OTHER_LETTERS, *AS_JSON], {"usable": ""}, request.param)


def test_no_command_ends_in_a_traceback(ran: Ran) -> None:
    shown = {it: done for it, done in ran.items() if "Traceback" in done.err}

    assert not shown


def test_exit_codes_say_whether_it_worked(ran: Ran) -> None:
    codes = {it: done.code for it, done in ran.items() if done.code not in {0, 1, 2}}

    assert not codes


def test_output_that_is_lost_is_one_line_and_a_failure(ran: Ran) -> None:
    for (words, streams), (code, _, err) in ran.items():
        if streams in LOSING_OUTPUT:
            lines = [it for it in err.splitlines() if "cannot be written" in it]
            assert (code, len(lines)) == (1, 1), (words, streams, err)


def test_a_lost_standard_error_changes_no_exit_code(ran: Ran) -> None:
    for (words, streams), done in ran.items():
        if streams in LOSING_ERRORS:
            assert done[:2] == ran[words, "usable"][:2], (words, streams)


def test_no_secret_of_an_argument_or_a_setting_is_printed(ran: Ran) -> None:
    for (words, _), done in ran.items():
        assert "Geheim" not in done.out + done.err, words


def test_another_encoding_changes_no_exit_code(ran: Ran, ran_in: Ran) -> None:
    for (words, streams), (code, out, err) in ran_in.items():
        assert code == ran[words, streams].code, words
        assert "Traceback" not in out + err, words


def test_json_stays_json_in_another_encoding(ran: Ran, ran_in: Ran) -> None:
    for words in AS_JSON:
        texts = [results[words, "usable"].out for results in (ran, ran_in)]
        assert json.loads(texts[0]) == json.loads(texts[1]), words
