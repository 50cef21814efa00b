"""A real node does what its OpenAPI document says, whatever it is asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "openapi.json"
PHASES = {"examples", "coverage", "fuzzing", "stateful"}
START_SECONDS, SECONDS_PER_EXAMPLE = 180, 10


def test_the_document_that_is_served_is_the_one_in_the_repository(node) -> None:
    served = node.get("/openapi.json")

    kept = node.get("/openapi.json", **{"If-None-Match": served.headers["ETag"]})
    assert served.json() == json.loads(DOCUMENT.read_text("utf-8"))
    assert kept.status == 304


def test_schemathesis_finds_nothing(
    node, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Right and wrong requests, alone and in chains along the document's links.

    More examples: pytest tests/acceptance/test_openapi.py --openapi-examples 1000
    """
    examples = int(pytestconfig.getoption("--openapi-examples"))
    report = tmp_path / "report.json"
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "--no-color"),
        *("--config-file", HERE / "schemathesis.toml"),
        *("run", f"{node.url}/openapi.json", "--checks", "all", "--mode", "all"),
        *("--phases", ",".join(sorted(PHASES)), "--continue-on-failure"),
        *("--max-examples", str(examples)),
        *("--seed", str(pytestconfig.getoption("--openapi-seed"))),
        *("--report", "json", "--report-json-path", report),
    ]

    run = subprocess.run(
        command,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "openapi_hooks.py")},
        cwd=tmp_path,  # it keeps what failed, for the next run
        capture_output=True,
        text=True,
        timeout=START_SECONDS + SECONDS_PER_EXAMPLE * examples,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    told = json.loads(report.read_text("utf-8"))
    assert told["failures"] == told["errors"] == []
    assert {name: it["status"] for name, it in told["phases"].items()} == dict.fromkeys(
        PHASES, "success"
    )
    assert told["operations"]["tested"] == told["operations"]["total"] > 0
    assert told["test_cases"]["generated"] > 1000
    assert node.metric("orders_accepted_total") > 50
