"""The options that name where a command computes: in this process, or on a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated

import typer


class Engine(StrEnum):
    """What computes."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[
    Engine,
    typer.Option("--engine", envvar="COLDSTART_ENGINE", help="What computes: this machine, or a Ray cluster."),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="COLDSTART_RAY_ADDRESS",
        help="With --engine ray: of the cluster, such as 10.0.0.1:6379, or auto. [default: one is started here]",
    ),
]


@contextmanager
def connected(engine: Engine, address: str | None) -> Iterator[bool]:
    """Connect to the cluster, if there is one, while the block runs.

    Returns:
        Whether there is one.
    """
    if engine is Engine.LOCAL:
        if address is not None:
            raise typer.BadParameter("needs --engine ray", param_hint="--address")
        yield False
        return
    if find_spec("ray") is None:
        raise typer.BadParameter(
            "ray is not installed here: pip install 'coldstart-recommender[ray]'", param_hint="--engine"
        )
    from app.cluster.connection import connected as cluster_at

    with cluster_at(address):
        yield True
