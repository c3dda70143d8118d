"""Comparison of trained policies and a random player on the same seeds, as in evaluate.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envs.files import append_json_line
from training.checkpoints.writing import POLICY, Checkpoint
from training.cli.progress import Progress
from training.config.loading import load_config
from training.environments.task import Task, resolve_task
from training.evaluation.episode_statistics import Summary, as_columns, improvement, summarise, together
from training.evaluation.players import HeldOut, open_milestones, play_held_out
from training.evaluation.playing import SIDE_BY_SIDE, PlayedEpisode
from training.evaluation.protocol import Rules, first_of, known_play, refuse_other_configs, with_policy_of
from training.evaluation.table import Comparison, comparison_text
from training.ppo.build import resolve_device
from training.runs.lookup import run_checkpoint
from training.runs.manifest import demonstrations_of
from training.runs.shipped import results_folder

RANDOM, TOGETHER = "random", "together"


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate and how. ``overrides`` are settings that differ from the first run's."""

    runs: Sequence[Path]
    episodes: int = 10
    seeds: int = 1
    greedy: bool = False
    checkpoint: str | None = None
    num_envs: int | None = None
    against: Path | None = None
    picture: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def policy(self) -> str:
        """How a trained policy chooses actions: "greedy" or "stochastic"."""
        return "greedy" if self.greedy else "stochastic"


@dataclass(frozen=True)
class Player:
    """A run's checkpoint, or random buttons (None). ``task`` has the rules."""

    name: str
    task: Task
    run: Path | None = None
    checkpoint: Checkpoint | None = None


def evaluate(request: EvaluationRequest) -> str:
    """Play, add a row per player to eval.jsonl, draw the picture; return the table.

    All players follow the first run's rules. Raises UserError when the runs do not share one config, or a
    checkpoint, the ROM, the start state, the device or the picture's path is wrong.
    """
    refuse_other_configs(request.runs)
    config = load_config(request.runs[0] / "config.json", request.overrides)
    resolve_device(config.device)
    whole = resolve_task(config)
    task = whole.at_first_start()
    players = _players(request, task)
    side_by_side = min(request.num_envs or SIDE_BY_SIDE, request.episodes)
    rules = Rules.of(task, request.episodes, request.seeds, side_by_side)
    played = {player.name: _played(player, request, rules) for player in players}
    comparison = _compare(request, players, played, open_milestones(task.episodes), first_of(whole))
    _keep(request, players, rules, played, comparison)
    picture = request.picture
    if picture is None and len(request.runs) == 1:
        picture = results_folder(request.runs[0]) / "eval.png"
    if picture is not None:
        from training.evaluation.picture import draw  # here, since importing matplotlib is slow

        draw(comparison, request.runs, picture)
    return comparison_text(comparison) + (f"\n  picture: {picture}" if picture else "")


def _players(request: EvaluationRequest, task: Task) -> list[Player]:
    players = [Player(run.name, task, run, run_checkpoint(run, request.checkpoint)) for run in request.runs]
    rival = request.against
    if rival is not None:
        own = with_policy_of(task, load_config(rival / "config.json"))
        name = f"{rival.name} (against)" if rival.name in {run.name for run in request.runs} else rival.name
        players.append(Player(name, own, rival, run_checkpoint(rival, None)))
    return [*players, Player(RANDOM, task)]


def _played(player: Player, request: EvaluationRequest, rules: Rules) -> list[PlayedEpisode]:
    if player.checkpoint is None:
        known = known_play(results_folder(request.runs[0]), RANDOM, rules)
        if known is not None:
            return known
    how = HeldOut(request.episodes, request.seeds, rules.record["num_envs"], request.greedy)
    longest = -(-how.episodes // how.side_by_side) * player.task.config.max_steps
    with Progress(f"{player.name} plays", how.seeds * longest, "step") as progress:

        def counted() -> bool:
            progress.step()
            return False

        return play_held_out(player.task, how, player.checkpoint, stopped=counted)


def _compare(
    request: EvaluationRequest,
    players: Sequence[Player],
    played: Mapping[str, list[PlayedEpisode]],
    names: Sequence[str],
    begun_at: str,
) -> Comparison:
    ours = [run.name for run in request.runs]
    opponents = [player.name for player in players if player.name not in ours]
    summaries = {player.name: _summary(player, played[player.name], names) for player in players}
    better = {
        name: {other: improvement([played[name]], played[other]) for other in opponents} for name in ours
    }
    if len(ours) > 1:
        runs = [played[name] for name in ours]
        better[TOGETHER] = {other: improvement(runs, played[other]) for other in opponents}
        whole = {TOGETHER: together(runs, names)}
        summaries = {name: summaries[name] for name in ours} | whole | {o: summaries[o] for o in opponents}
    trained = ", ".join(f"{p.name} at {p.checkpoint.steps:,} steps" for p in players if p.checkpoint)
    count = len(played[ours[0]])
    heading = f"{trained}, {request.policy}, {count} episodes each from {begun_at}"
    return Comparison(heading, ours, summaries, better, names)


def _summary(player: Player, episodes: Sequence[PlayedEpisode], names: Sequence[str]) -> Summary:
    """Return the figures of a player. Demonstrations that its policy learned from count as interventions."""
    summary = summarise(episodes, names)
    learned_from = demonstrations_of(player.run) if player.run is not None else {}
    return {**summary, "interventions": {**summary["interventions"], **learned_from}}


def _keep(
    request: EvaluationRequest,
    players: Sequence[Player],
    rules: Rules,
    played: Mapping[str, list[PlayedEpisode]],
    comparison: Comparison,
) -> None:
    for player in players:
        found = player.checkpoint
        row: dict[str, Any] = {
            "policy": request.policy if found else RANDOM,
            "run": player.run.name if player.run else None,
            "steps": found.steps if found else None,
            "checkpoint": found.folder.name if found else None,
            "policy_sha256": found.trainer["sha256"][POLICY] if found else None,
            "digest": rules.digest,
            **rules.record,
            **comparison.summaries[player.name],
            "improvement": comparison.improvement.get(player.name, {}),
            "values": as_columns(played[player.name]),
        }
        own = player.run if player.run in request.runs else request.runs[0]
        append_json_line(results_folder(own or request.runs[0]) / "eval.jsonl", row)
