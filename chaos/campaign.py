"""Runs the trials of one fault, batch by batch, and keeps what came of them."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orders.chaos.arena import Arena
from orders.chaos.batch import Batch
from orders.chaos.evaluation import BatchEnd
from orders.chaos.load_process import LoadPlan
from orders.chaos.plan import FAULTS, plan_batches
from orders.chaos.progress import Progress
from orders.chaos.releases import RELEASE_BEFORE, THIS, unpack
from orders.chaos.results import ResultsFile
from orders.chaos.stack import ChaosStack
from orders.chaos.strikes import (
    FROM_RELEASE_BEFORE,
    NODE_SETTINGS,
    PATIENCE_SECONDS,
    STRIKES,
    THROUGH_PROXY,
)
from orders.chaos.trial import Trial, TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """What is to be run.

    Attributes:
        fault: the row, such as ``F1``.
        trials: how many there are to be in all.
        seed: decides nodes, times and kinds.
        rate: orders a second.
        clients: how many there are.
        directory: for the servers' data, logs and journals.

    """

    fault: str
    trials: int
    seed: int
    rate: float
    clients: int
    directory: Path


def run_campaign(
    plan: CampaignPlan, results: ResultsFile, progress: Progress
) -> Iterator[TrialResult]:
    """Make the trials that ``results`` lacks; yield each as it is kept.

    Raises:
        DevstackError: the servers do not start.
        NodeFailedError, LoadFailedError: a batch cannot be started.
        NoReleaseError: the release before cannot be had, where it is needed.
        ResultsError: ``results`` has trials that were made under another load.

    """
    results.require_load(plan.fault, plan.seed, plan.rate, plan.clients)
    done = results.done(plan.fault, plan.seed)
    batches = plan_batches(plan.fault, plan.seed, plan.trials, done)
    if not batches:
        return
    progress.say("starting PostgreSQL and Kafka")
    row = FAULTS[plan.fault]
    with ChaosStack(plan.directory / "stack", row.nodes, row.brokers) as stack:
        for number, trials in enumerate(batches, 1):
            progress.say(
                f"batch {number} of {len(batches)}: starting {row.nodes} nodes"
            )
            lines = run_batch(stack, plan, number, trials, progress)
            results.append(lines)
            yield from lines


def run_batch(
    stack: ChaosStack,
    plan: CampaignPlan,
    number: int,
    trials: Sequence[Trial],
    progress: Progress,
) -> list[TrialResult]:
    """Carry out trials of the plan's fault on a fresh database, and check them.

    ``number`` names the batch's folder. There are fewer results than trials when a
    trial had a problem: what it left behind would be held against the next ones.

    Raises:
        NodeFailedError, LoadFailedError: the batch cannot be started.
        NoReleaseError: the release before cannot be had, where it is needed.

    """
    name = f"chaos_{number}_{secrets.token_hex(3)}"
    release = THIS
    if plan.fault in FROM_RELEASE_BEFORE:
        target = plan.directory / f"release-{number:03d}"
        release = unpack(RELEASE_BEFORE, target)
    arena = Arena(
        stack,
        name,
        plan.directory / f"batch-{number:03d}",
        _load(plan, stack, name),
        NODE_SETTINGS.get(plan.fault, {}),
        release,
    )
    end = BatchEnd(name, plan.rate, plan.clients)
    batch = Batch(arena, STRIKES[plan.fault], progress.hit, end)
    lines = batch.run(trials)
    progress.checked(batch.verdict, lines)
    return lines


def _load(plan: CampaignPlan, stack: ChaosStack, name: str) -> LoadPlan:
    through_proxy = plan.fault in THROUGH_PROXY
    return LoadPlan(
        run=name,
        ports=[
            gates.http.port if through_proxy else gates.http_port
            for gates in stack.gates
        ],
        seed=plan.seed,
        clients=plan.clients,
        rate=plan.rate,
        patience_seconds=PATIENCE_SECONDS.get(plan.fault),
    )
