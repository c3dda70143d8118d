"""Worker processes of an EmulatorVecEnv: distribution of environments, steps, replacement of lost workers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import cloudpickle
import numpy as np

from envs.workers.cpu_affinity import Cores
from envs.workers.limits import require_room, task_limit
from envs.workers.pool_protocol import EnvFn, replacement_seed
from envs.workers.process import WorkerFailed, WorkerLost, WorkerProcess, worker_context
from envs.workers.shared_memory import ArrayLayout, allocate, other, outcomes, view
from envs.workers.worker import Start, WorkerSpec

log = logging.getLogger(__name__)
REQUEST_TIMEOUT = 60.0
"""Seconds for all requests except steps: a reset may have to play to its start state first."""
REPLACEMENTS = 3
"""Attempts to start a worker again that died, before the run fails."""


class Phase(Enum):
    """State of one group in one worker."""

    IDLE = "no step under way"
    STEPPING = "a step under way"
    RESTARTED = "worker replaced between steps: the next step ends the lost episodes"
    LOST = "worker replaced during a step: its result ends the lost episodes"


def split(n_envs: int, workers: int, groups: int) -> list[list[list[int]]]:
    """Return environment indices by worker and group; groups, and workers' parts of them, are contiguous."""
    parts = []
    for number, group in enumerate(np.array_split(np.arange(n_envs), groups)):
        sizes = [len(part) for part in np.array_split(group, workers)]
        # Every other group is dealt from the far end, or all remainders would fall to the first workers.
        ends = np.cumsum(sizes if number % 2 == 0 else sizes[::-1])[:-1]
        parts.append(np.split(group, ends))
    return [[part[worker].tolist() for part in parts] for worker in range(workers)]


def _span(indices: Iterable[int]) -> slice:
    found = sorted(indices)
    return slice(found[0], found[-1] + 1)


class WorkerPool:
    """``n_workers`` processes that step ``env_fns`` in ``n_groups`` groups, each alternating between buffers.

    ``timeout``: seconds for one step of a group. A worker that dies or takes longer is killed and replaced,
    and its environments are reset; ``wait`` returns which episodes were lost.
    """

    def __init__(
        self, env_fns: Sequence[EnvFn], n_workers: int, n_groups: int, layout: ArrayLayout, timeout: float
    ) -> None:
        self.parts = split(len(env_fns), n_workers, n_groups)
        self.groups = [_span(index for own in self.parts for index in own[g]) for g in range(n_groups)]
        """Environments of each group."""
        self.held = [[index for group in own for index in group] for own in self.parts]
        """Environment indices of each worker."""
        self._steppers = [[n for n, own in enumerate(self.parts) if own[g]] for g in range(n_groups)]
        self.layout = layout
        self.buffer = [0] * n_groups
        """For each group, the buffer of the last observation requested."""
        self.reset_infos: dict[int, dict[str, Any]] = {}
        """Infos of resets that the caller has not taken yet, by environment."""
        self.base_seed = 0
        self._fns, self._timeout = list(env_fns), timeout
        require_room(n_workers)
        self._context = worker_context()
        self._block = allocate(self._context, layout)
        self._cores = Cores(self._context, n_workers)
        self.arrays, self.outcomes = view(self._block, layout), outcomes(self._block, layout)
        self._phase = [[Phase.IDLE] * n_groups for _ in range(n_workers)]
        self._sent: list[deque[int]] = [deque() for _ in range(n_workers)]  # groups, in order
        self._early: list[dict[int, dict[str, Any]]] = [{} for _ in range(n_groups)]
        self.replaced = 0
        """Number of workers lost so far."""
        self.workers: list[WorkerProcess] = []
        try:
            self._start_all(n_workers)
        except BaseException:
            self.close()
            raise

    def _start_all(self, workers: int) -> None:
        """Start all at once, then wait for each; start those again that die meanwhile."""
        under_way: list[int] = []
        for number in range(workers):
            try:
                self.workers.append(self._start(number))
                under_way.append(number)
            except WorkerLost as lost:
                self.workers.append(self._again(number, str(lost), WorkerProcess.wait_ready))
        for number in under_way:
            try:
                self.workers[number].wait_ready()
            except WorkerLost as lost:
                self.workers[number].kill()
                self.workers[number] = self._again(number, str(lost), WorkerProcess.wait_ready)

    def _start(self, number: int) -> WorkerProcess:
        groups = self.parts[number]
        fns = cloudpickle.dumps([self._fns[index] for group in groups for index in group])
        indices = tuple(tuple(group) for group in groups)
        spec = WorkerSpec(number, fns, indices, self._block, self.layout, self._cores)
        return WorkerProcess(self._context, number, spec)

    # --- steps ---

    def step(self, group: int) -> None:
        """Start a step of ``group`` with the actions in shared memory."""
        self.buffer[group] = self.other_buffer(group)
        for number, worker in enumerate(self.workers):
            if not self.parts[number][group]:
                continue
            if self._phase[number][group] is Phase.STEPPING:
                raise RuntimeError(f"group {group} is already stepping; wait for it first")
            if self._phase[number][group] is Phase.RESTARTED:
                self._phase[number][group] = Phase.LOST
            else:
                self._phase[number][group] = Phase.STEPPING
                self._sent[number].append(group)
                worker.step(group, self.buffer[group])

    def wait(self, group: int) -> tuple[dict[int, dict[str, Any]], list[int]]:
        """Wait for the step of ``group``; return infos by environment, and environments whose worker died."""
        lost: list[int] = []
        for number, phases in enumerate(self._phase):
            while phases[group] is Phase.STEPPING:
                self._receive_step(number)
            if phases[group] is Phase.LOST:
                phases[group] = Phase.IDLE
                lost += self.parts[number][group]
        self._cores.follow(self._steppers[group])
        infos, self._early[group] = self._early[group], {}
        return infos, lost

    def other_buffer(self, group: int) -> int:
        """Return the buffer with the observation before the last, which the next step overwrites."""
        return other(self.buffer[group])

    def _receive_step(self, number: int) -> None:
        """Receive a worker's next step result, for whichever group it is."""
        try:
            infos = self.workers[number].receive(self._timeout)
        except WorkerLost as lost:
            self._replace(number, str(lost))
            return
        group = self._sent[number].popleft()
        self._phase[number][group] = Phase.IDLE
        self._early[group] |= infos or {}

    # --- requests ---

    def ask(self, requests: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Send each worker its request (name, arguments ...); return answers by worker.

        Raises the first exception a worker answers with. Steps under way are finished first; their results
        are kept for ``wait``.
        """
        for number in requests:
            while self._sent[number]:
                self._receive_step(number)
        for number, request in requests.items():
            self.workers[number].ask(*request)
        answers: dict[int, Any] = {}
        errors: list[Exception] = []
        for number, request in requests.items():
            try:
                answers[number] = self._answer(number, request)
            except Exception as error:  # raised below, once all answers are received
                errors.append(error)
        if errors:
            raise errors[0]
        return answers

    def _answer(self, number: int, request: tuple[Any, ...]) -> Any:
        lost: list[str] = []
        while len(lost) <= REPLACEMENTS:
            try:
                return self.workers[number].receive(REQUEST_TIMEOUT)
            except WorkerLost as error:
                lost.append(str(error))
            self._replace(number, lost[-1])
            self.workers[number].ask(*request)
        raise WorkerFailed(f"worker {number} {lost[-1]} {len(lost)} times at the request {request[0]!r}")

    def reset(self, seeds: Sequence[int | None], options: Sequence[dict[str, Any]]) -> None:
        """Begin new episodes in all environments; results of steps under way are dropped."""
        self.buffer = [self.other_buffer(group) for group in range(len(self.buffer))]
        requests = {}
        for number, groups in enumerate(self.parts):
            starts = [
                Start(index, self.buffer[group], seeds[index], options[index])
                for group, indices in enumerate(groups)
                for index in indices
            ]
            requests[number] = ("reset", starts)
        for infos in self.ask(requests).values():
            self.reset_infos |= infos
        self._phase = [[Phase.IDLE] * len(self.buffer) for _ in self.workers]
        self._early = [{} for _ in self.buffer]

    # --- lost workers ---

    def _replace(self, number: int, reason: str) -> None:
        """Replace a lost worker with a new process whose environments are freshly reset."""
        old = self.workers[number]
        old.kill()
        self._note_loss(number)

        def begin(worker: WorkerProcess) -> None:
            worker.wait_ready()
            worker.ask("reset", self._restarts(number))
            self.reset_infos |= worker.receive(REQUEST_TIMEOUT)

        worker = self.workers[number] = self._again(number, reason, begin)
        log.warning(
            "worker %d (process %d) %s; process %d took its place, its %d episodes end as truncated",
            number, old.pid, reason, worker.pid, sum(map(len, self.parts[number])),
        )  # fmt: skip

    def _again(self, number: int, reason: str, begin: Callable[[WorkerProcess], None]) -> WorkerProcess:
        """Return a new process for which ``begin`` succeeded, after at most REPLACEMENTS tries.

        Raises WorkerFailed when none of them lives, and what an environment raises.
        """
        for _ in range(REPLACEMENTS):
            worker = None
            try:
                worker = self._start(number)
                begin(worker)
                return worker
            except WorkerLost as lost:
                last = str(lost)
                if worker is not None:
                    worker.kill()
        raise WorkerFailed(
            f"worker {number} {reason}, and {REPLACEMENTS} processes in its place as well: the last {last};"
            f" the system may be short of memory or processes ({task_limit()})"
        )

    def _note_loss(self, number: int) -> None:
        self.replaced += 1
        self._sent[number].clear()
        phases = self._phase[number]
        for group, phase in enumerate(phases):
            phases[group] = Phase.LOST if phase in (Phase.STEPPING, Phase.LOST) else Phase.RESTARTED

    def _restarts(self, number: int) -> list[Start]:
        """Put first observations where the result of the step under way, or of the next one, is expected."""
        starts = []
        for group, indices in enumerate(self.parts[number]):
            lost = self._phase[number][group] is Phase.LOST
            buffer = self.buffer[group] if lost else self.other_buffer(group)
            seeds = {index: replacement_seed(self.base_seed, self.replaced, index) for index in indices}
            starts += [Start(index, buffer, seed, {}) for index, seed in seeds.items()]
        return starts

    def close(self) -> None:
        """Stop all workers; those still running after a second are killed."""
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.hang_up()
        for worker in workers:
            worker.collect(1.0)
