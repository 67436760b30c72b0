"""Fixtures of the fault tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness import Run, Zygote
from tests.rig.kafka import Kafka


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Makes processes; one for the run."""
    with Zygote() as one:
        yield one


@pytest.fixture
def new_run(kafka: Kafka, zygote: Zygote, tmp_path: Path) -> Callable[..., Run]:
    """`new_run(url, client, seed)`: a topic and a store of their own."""

    def make(url: str, client: str = "kafka-python", seed: int = 1, **options: Any) -> Run:
        return Run(kafka, zygote, tmp_path, url, client, seed, **options)

    return make
