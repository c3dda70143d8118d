"""Tests of ray_node.py: the flags it refuses, the token, and the command that starts Ray."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from training.ray_node import NodeFlags, command, token_file


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ((), "--head or --join HOST:PORT must be given, and not both"),
        (("--head", "--join", "10.0.0.1:6400"), "--head or --join HOST:PORT must be given, and not both"),
        (("--head",), "--listen must be given"),
        (("--head", "--listen", "here"), "--listen here must be an IP address"),
        (("--head", "--listen", "0.0.0.0"), "must be one address of this machine, not all of them"),
        (("--head", "--listen", "::"), "must be one address of this machine, not all of them"),
        (("--head", "--listen", "127.0.0.1"), "use 127.0.0.2 instead"),
        (("--head", "--listen", "127.0.0.2", "--first-port", 80), "must be 1024 to"),
        (("--head", "--listen", "127.0.0.2", "--cpus", -1), "--cpus -1 is out of range"),
    ],
)
def test_wrong_flags_get_one_line(refused: Callable[..., str], flags: tuple[Any, ...], line: str) -> None:
    assert line in refused("ray_node", *flags)


def test_a_token_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "token"
    environment = {"RAY_AUTH_TOKEN_PATH": str(path)}
    with pytest.raises(UserError, match="no token at"):
        token_file(environment, make=False)
    assert token_file(environment, make=True) == str(path)
    token = path.read_text()
    assert len(token) == 64 and stat.S_IMODE(path.stat().st_mode) == 0o600
    token_file(environment, make=True)
    assert path.read_text() == token
    path.chmod(0o640)
    with pytest.raises(UserError, match="other users can read it; chmod 600"):
        token_file(environment, make=False)
    with pytest.raises(UserError, match="RAY_AUTH_MODE is disabled"):
        token_file({**environment, "RAY_AUTH_MODE": "disabled"}, make=True)


def test_ray_is_started_with_fixed_ports_and_without_lookups() -> None:
    head = command(NodeFlags(head=True, listen="10.0.0.1", cpus=0, first_port=7000))
    node = command(NodeFlags(join="10.0.0.1:7000", listen="10.0.0.2", cpus=8, first_port=7000))
    for one in (head, node):
        assert "--disable-usage-stats" in one and '--resources={"TPU": 0}' in one and "--num-gpus=0" in one
        assert f"--node-ip-address=10.0.0.{1 if one is head else 2}" in one
        ports = [int(flag.split("=")[1]) for flag in one if "port=" in flag]
        assert len(ports) >= 8 and all(7000 <= port < 7200 for port in ports)
        assert len(set(ports)) == len(ports)
    assert {"--head", "--port=7000", "--num-cpus=0", "--include-dashboard=false"} <= set(head)
    assert {"--address=10.0.0.1:7000", "--num-cpus=8"} <= set(node)
