"""Model cards: what is known about a policy, in the format of the Hugging Face hub.

The format is Markdown with metadata as YAML before it (https://huggingface.co/docs/hub/model-cards). A card
is made from the files of a run alone, so the same files give the same card. What is not known is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import yaml

from envs.errors import UserError
from envs.files import write_atomically
from envs.game_boy.rom import EMBEDDED
from training.checkpoints.writing import Checkpoint
from training.config.loading import load_config
from training.config.schema import TrainConfig, episode_settings
from training.runs.lookup import run_checkpoint
from training.runs.summary import describe_interventions, pays
from training.shipping.held_out import HeldOutFigures, held_out_figures
from training.shipping.origin import known_origin
from training.shipping.portable import OF_A_MACHINE, OF_CLONING, portable

CARD = "MODEL_CARD.md"
ENV_ID, PROJECT, SB3 = "PokemonRed-v0", "pokered-harness", "stable-baselines3"
Facts = Mapping[str, Any]

LOAD_ZIP = """\
The file is for stable-baselines3 and holds the network's code, pickled: load it only if you trust its source.
`settings.json` is the JSON at the end of this card; the environment is that of the project.

```python
import gymnasium
import numpy as np
from stable_baselines3 import PPO

import training.gymnasium_envs.registration  # of {project}: registers {env}

model = PPO.load("{name}", device="cpu")
env = gymnasium.make("{env}", config="settings.json")
observation, info = env.reset(seed=0)
state, begins = None, np.ones(1, dtype=bool)
for _ in range(100):
    action, state = model.predict(observation, state, begins)
    observation, reward, terminated, truncated, info = env.step(int(action))
    begins[0] = terminated or truncated
    if begins[0]:
        observation, info = env.reset()
```"""
LOAD_FOLDER = """\
The weights are safetensors; nothing is unpickled. In a checkout of the project, this folder in `policies/`:

```
python training/evaluate.py pretrained:{name} --episodes 20
python training/replay.py pretrained:{name} --play
python training/export_sb3.py pretrained:{name} --out {name}.zip
```"""


@dataclass(frozen=True)
class Subject:
    """What a card is about: a checkpoint of the run in ``folder``, shipped as ``name``.

    ``facts`` are its ``training.shipping.origin``. A name that ends in .zip is an export for
    stable-baselines3.
    """

    folder: Path
    name: str
    checkpoint: Checkpoint
    facts: Facts

    @property
    def is_zip(self) -> bool:
        """Whether it is an export for stable-baselines3."""
        return self.name.endswith(".zip")


def card_beside(run: Path, checkpoint: str | None, export: Path) -> str:
    """Write the card of ``export``, made from the run's ``checkpoint`` (None: the newest), beside it.

    The card of policy.zip is policy.MODEL_CARD.md. Returns a line that names it. Raises UserError if the run
    or the checkpoint is wrong, or the card cannot be written.
    """
    found = run_checkpoint(run, checkpoint)
    path = export.with_suffix(f".{CARD}")
    text = model_card(Subject(run, export.name, found, known_origin(run, found)))
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    return f"{path}: model card, for the Hugging Face hub as README.md"


def model_card(subject: Subject) -> str:
    """Return the card. Raises UserError if the config of the run is wrong."""
    config = load_config(subject.folder / "config.json")
    figures = held_out_figures(subject.folder, subject.checkpoint)
    front = yaml.safe_dump(_metadata(subject, figures), sort_keys=False, allow_unicode=True)
    sections = {
        "How to load it": [_loading(subject)],
        "Training": _training(subject.facts, config),
        "Rewards": _rewards(config),
        "Interventions": _interventions(subject.facts),
        "Evaluation": _evaluation(subject, config, figures),
        "Limits": [f"- {line}" for line in _limits(subject, config, figures)],
        "Settings": [_settings(config)],
    }
    parts = [f"## {title}\n" + "\n".join(lines) for title, lines in sections.items()]
    return "\n\n".join([f"---\n{front}---\n# {subject.name}", _introduction(config), *parts]) + "\n"


def _metadata(subject: Subject, figures: HeldOutFigures | None) -> dict[str, Any]:
    """Return the metadata. It has no license, since the files of a run name none."""
    own = [SB3] if subject.is_zip else []
    metadata: dict[str, Any] = {
        "library_name": SB3 if subject.is_zip else PROJECT,
        "pipeline_tag": "reinforcement-learning",
        "tags": ["reinforcement-learning", "deep-reinforcement-learning", ENV_ID, *own],
    }
    if figures is None:
        return metadata
    mean, deviation = figures.row["return_mean"], figures.row["return_std"]
    metric = {"type": "mean_reward", "name": "mean_reward", "verified": False}
    result = {
        "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
        "dataset": {"type": ENV_ID, "name": ENV_ID},
        "metrics": [{**metric, "value": f"{mean:.2f} +/- {deviation:.2f}"}],
    }
    return {**metadata, "model-index": [{"name": subject.name, "results": [result]}]}


def _introduction(config: TrainConfig) -> str:
    text = f"A policy for the environment {ENV_ID} of {PROJECT}, which plays the game on a Game Boy emulator."
    return text + (f"\n\n> {' '.join(config.description.split())}" if config.description else "")


def _loading(subject: Subject) -> str:
    text = LOAD_ZIP if subject.is_zip else LOAD_FOLDER
    return text.format(name=subject.name, env=ENV_ID, project=PROJECT)


def _training(facts: Facts, config: TrainConfig) -> list[str]:
    versions = facts.get("versions") or {}
    known = {
        "run": facts.get("run"),
        "checkpoint": facts.get("checkpoint"),
        "steps": _whole(facts.get("steps")),
        "PPO updates": _whole(facts.get("updates")),
        "seed": facts.get("seed"),
        "began with the weights of": _weights(facts.get("init_from")),
        "game": _game(facts),
        "SHA-1 of the cartridge": facts.get("rom_sha1"),
        "episodes begin at": "; ".join(_starts(facts)),
        "steps of an episode": f"{config.max_steps:,}" + (f", or until {config.goal}" if config.goal else ""),
        "observations": ", ".join(PurePath(name).name for name in config.observations),
        "commit of the project": ", ".join(one for one in facts.get("commits", []) if one != "None"),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    rows = [[key, str(value)] for key, value in known.items() if value not in (None, "")]
    return _table([["", ""], *rows])


def _whole(number: Any) -> str | None:
    return f"{number:,}" if isinstance(number, int) else None


def _weights(path: Any) -> str | None:
    """Name the run (or policy that ships) and the checkpoint of a path such as runs/a/checkpoints/best."""
    if not isinstance(path, str):
        return None
    *rest, name = PurePath(path).parts
    return f"{rest[-2]}, checkpoint {name}" if rest[-1:] == ["checkpoints"] and len(rest) > 1 else name


def _game(facts: Facts) -> str | None:
    said = " (as the user said, not known by its hash)" if facts.get("game_known_by") == "--game" else ""
    return f"{facts['game']}{said}" if facts.get("game") else None


def _starts(facts: Facts) -> Iterator[str]:
    """Describe the starts: name, share of the episodes if there are several, and what made them."""
    for start in facts.get("starts") or []:
        if isinstance(start, dict) and "name" in start:
            share = f" {start['share']:.0%}" if "share" in start else ""
            made = f" (made by {start['made_by']})" if "made_by" in start else ""
            yield f"{PurePath(str(start['name'])).name}{share}{made}"


def _rewards(config: TrainConfig) -> list[str]:
    lines = [f"The game {portable(pays(config))}."]
    layers = config.layers.model_dump(mode="json")
    if any(weight != 1.0 for weight in layers.values()):
        lines.append(f"Weights of the layers: `{json.dumps(layers)}`.")
    if config.archive is not None:
        lines.append(f"{config.archive.share:.0%} of the episodes began in the start archive.")
    if config.intrinsic is not None:
        lines.append(f"A learned reward was added: {PurePath(config.intrinsic.kind).name}.")
    return lines


def _interventions(facts: Facts) -> list[str]:
    """Say what was done to the game or for the policy that it does not do by itself."""
    found = facts.get("interventions") or {}
    lines = []
    if found.get("enabled") is not None:
        lines.append(f"Enabled in training: {', '.join(found['enabled']) or 'none'}.")
    if found.get("in training") is not None:
        lines.append(f"Counted in training: {describe_interventions(found['in training'])}.")
    sets = facts.get("demonstrations")
    for one in [sets, *sets.get("others", [])] if isinstance(sets, dict) else []:
        source = f", {json.dumps(portable(one['source']))}" if one.get("source") else ""
        lines.append(
            f"It learned from demonstrations: {one.get('episodes')} episodes, {_whole(one.get('steps'))}"
            f" steps, played by {one.get('player')}{source}."
        )
    return lines or ["Not known."]


def _evaluation(subject: Subject, config: TrainConfig, figures: HeldOutFigures | None) -> list[str]:
    if figures is None:
        return ["This checkpoint was not evaluated on held-out seeds."]
    row = figures.row
    count, start = row["episodes"], PurePath(str(row["start"])).name
    choice = "the most likely action" if row["policy"] == "greedy" else "actions by their probabilities"
    lines = [
        f"{count} episodes from {start} on seeds that training does not use, choosing {choice}. Means and"
        f' shares with 95 % intervals; "half by" is the step by which half of the episodes were there.'
        f" Success is {row['settings'].get('goal') or 'a badge'}.",
        *([f"Commit of the project: {row['code']}."] if row.get("code") else []),
    ]
    own = episode_settings(config)
    other = _changed(row["settings"], own)
    if other:
        lines.append(f"Settings other than in training: `{json.dumps(portable(other))}`.")
    written = {key: value for key, value in row["interventions"].items() if key != "demonstrations"}
    lines += [f"Interventions in these episodes: {describe_interventions(written)}.", ""]
    return [*lines, *_table(figures.table)]


def _changed(theirs: Facts, ours: Facts) -> dict[str, Any]:
    """Return the settings of ``theirs`` that ``ours`` has otherwise. A setting that only one has is newer."""
    found = {}
    for key in theirs.keys() & ours.keys():
        one, other = theirs[key], ours[key]
        both = isinstance(one, dict) and isinstance(other, dict)
        if differs := _changed(one, other) if both else one != other:
            found[key] = differs if both else one
    return dict(sorted(found.items()))


def _limits(subject: Subject, config: TrainConfig, figures: HeldOutFigures | None) -> Iterator[str]:
    yield "It was trained on this cartridge, with these starts and settings; about others nothing is known."
    if config.rom == EMBEDDED:
        yield (
            "The cartridge is the project's own, with a world of its own: no figure says anything about the"
            " commercial game."
        )
    else:
        yield "The cartridge is not part of this; only its hash is known."
    if not subject.facts.get("rom_sha1"):
        yield "Its manifest is missing or damaged: cartridge, starts and commits are not known."
    yield "It comes from one run: what another seed gives is not known."
    if any(str(commit).endswith("-dirty") for commit in subject.facts.get("commits", [])):
        yield "The code had changes that were not committed, so the commit alone does not repeat the run."
    if figures is not None:
        yield "The intervals are about this checkpoint, not about the method."
        yield from figures.warnings


def _settings(config: TrainConfig) -> str:
    """Return the settings that are not the defaults as JSON, without those of a machine and of cloning."""
    values, defaults = config.model_dump(mode="json"), TrainConfig().model_dump(mode="json")
    left_out = {*OF_A_MACHINE, *OF_CLONING}
    own = {key: value for key, value in values.items() if value != defaults[key] and key not in left_out}
    own = {key: value for key, value in own.items() if (key, value) != ("total_steps", 0)}
    return f"```json\n{json.dumps(portable(own), indent=2, ensure_ascii=False)}\n```"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table; the first row is its heading."""
    escaped = [" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows]
    return [f"| {escaped[0]} |", "|" + "---|" * len(rows[0]), *(f"| {row} |" for row in escaped[1:])]
