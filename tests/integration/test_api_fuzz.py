"""Schemathesis: requests made from the OpenAPI document; every answer has to be one that it describes."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.rig.operated import operated


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    rig = operated(tmp_path_factory.mktemp("fuzz"), "port: 1")
    load_all_checks()
    yield schemathesis.openapi.from_asgi("/openapi.json", rig.client.app)
    rig.store.close()


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
