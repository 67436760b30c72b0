"""`drift check`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from drift.cli import output
from drift.config import ModelSettings, load
from drift.core.errors import ConfigError
from drift.core.result import Judgement, Outcome

EXIT: Final = {Outcome.NO_DRIFT: 0, Outcome.DRIFT: 1, Outcome.INSUFFICIENT_DATA: 2}
_NAMED: Final = 8
"""Columns that are named at most."""
_SHOWN: Final = ("psi", "ks", "js", "missing_ratio", "unseen_ratio")


def check(
    reference: Path, current: Path, config: Path | None, model: str, rules: Sequence[str], *, as_json: bool
) -> int:
    """Compare two files and print the result; the exit code."""
    from drift.check import check as compare

    settings = _settings(config, model)
    if rules:
        settings = _with_rules(settings, rules)
    found = compare(reference, current, settings)
    if as_json:
        output.json(found.as_plain())
    else:
        for label, judged in found.judgements.items():
            if label == "all" or judged.outcome is Outcome.DRIFT:
                _table(label, judged)
        output.line(f"{found.outcome.word}: {found.judgements['all'].reason}")
        if found.unwatched:
            more = f" and {len(found.unwatched) - _NAMED} more" if len(found.unwatched) > _NAMED else ""
            named = ", ".join(map(repr, found.unwatched[:_NAMED]))
            output.note(f"the reference lacks columns of the current data: {named}{more}; they are not watched")
    return EXIT[found.outcome]


def _settings(config: Path | None, model: str) -> ModelSettings:
    if config is None:
        return ModelSettings()
    models = load(config).models
    if not model and len(models) == 1:
        return next(iter(models.values()))
    if model not in models:
        raise ConfigError(f"{config}: say which model with --model; there are {', '.join(models) or 'none'}")
    return models[model]


def _with_rules(settings: ModelSettings, rules: Sequence[str]) -> ModelSettings:
    from detectors.rules import Rule

    for rule in rules:
        Rule.parse(rule)
    return settings.model_copy(update={"rules": tuple(rules)})


def _table(label: str, judged: Judgement) -> None:
    from drift.metrics import severity

    order = (-severity(judged)).argsort(kind="stable").tolist()
    shown = [name for name in _SHOWN if name in judged.statistics]
    broken = {column: "; ".join(b.rule for b in judged.breaches if b.column == column) for column in judged.columns}
    rows = [
        (
            judged.columns[i],
            Outcome(int(judged.outcomes[i])).word,
            *(_finite(judged.value(judged.columns[i], name)) for name in shown),
            broken[judged.columns[i]],
        )
        for i in order
    ]
    output.table(("column", "outcome", *shown, "rule broken"), rows, title=f"{label}: {judged.rows:,} rows")


def _finite(value: float) -> str:
    return output.number(value if value == value else None)
