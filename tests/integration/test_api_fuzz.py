"""Schemathesis: requests made from the OpenAPI document; every answer has to be one that it describes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from prometheus_client import CollectorRegistry
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from drift.api import Receipt, Replayed, Services, create_app
from drift.config import parse
from drift.core.catalogue import Reference
from drift.core.clock import ManualClock
from drift.core.errors import ReferenceRefused
from drift.store import open_store
from tests.rig import storing


class Accepts:
    """Stands for the HTTP source: everything is counted."""

    async def submit(self, body: bytes, media_type: str, key: str | None) -> Receipt:
        return Receipt(1)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    clock = ManualClock(storing.T0)
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'drift.db'}", clock)
    storing.feed(store)

    def register(path: Path, model: str, version: str) -> Reference:
        raise ReferenceRefused("no row is left to learn from; send a file with rows")

    config = parse("server: {trusted_hosts: [testserver, localhost, 127.0.0.1]}")
    services = Services(
        store, config, CollectorRegistry(), clock, Accepts(), register, lambda ids: Replayed(len(ids), 0), release="1.0"
    )
    load_all_checks()
    yield schemathesis.openapi.from_asgi("/openapi.json", create_app(services))
    store.close()


def operations(schema: Any) -> list[Any]:
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_one_that_the_document_describes(
    schema: Any, mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    seen = 0
    for operation in operations(schema):
        with subtests.test(operation.label):
            seen += requests(operation, mode)
    assert seen > 100  # fewer: the document's operations were not found


def requests(operation: Any, mode: GenerationMode) -> int:
    """Send generated requests; how many."""
    seen = 0
    # what is more than a schema can say: a window that is no multiple of its pane, a file without rows
    excluded = [CHECKS.get_one("positive_data_acceptance")]
    if operation.label == "POST /v1/events":
        excluded.append(CHECKS.get_one("negative_data_rejection"))  # such events are dead letters

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=15, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        nonlocal seen
        seen += 1
        case.call_and_validate(excluded_checks=excluded)

    try:
        check()
    except Unsatisfiable:  # there is nothing that such a request could have wrong
        assert mode is GenerationMode.NEGATIVE
    return seen
