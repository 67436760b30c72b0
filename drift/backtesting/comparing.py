"""`drift.compare`: two data sets side by side, with a picture for a notebook. What it says is `drift.check`'s."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drift.backtesting.html import STYLE, html_table
from drift.backtesting.plan import settings as settings_of
from drift.check import Comparison, check
from drift.config import ModelSettings
from drift.core.result import Judgement, Outcome

if TYPE_CHECKING:
    import pandas as pd

SHOWN: Final = ("psi", "ks", "js", "mean_shift", "missing_ratio", "unseen_ratio")
_HEADINGS: Final = ("column", "outcome", *SHOWN, "rule broken")
_MOST: Final = 50


@dataclass(frozen=True, slots=True, repr=False)
class Compared:
    """What a comparison says; `found` is all of it."""

    found: Comparison

    @property
    def outcome(self) -> Outcome:
        """Of the whole; drift where any segment drifted."""
        return self.found.outcome

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return self.found.as_plain()

    def to_frame(self) -> "pd.DataFrame":
        """One row for each segment and column: outcome, every statistic, the rules broken."""
        import pandas as pd

        return pd.concat([_frame(label, judged) for label, judged in self.found.judgements.items()], ignore_index=True)

    def __repr__(self) -> str:
        table = [_HEADINGS, *_rows(self.found.judgements["all"])]
        wide = [max(len(line[at]) for line in table) for at in range(len(_HEADINGS))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, wide, strict=True)).rstrip() for line in table]
        return "\n".join([self._title(), "", *lines, *self._below()])

    def _repr_html_(self) -> str:
        from html import escape

        numbers = range(2, 2 + len(SHOWN))
        table = html_table(_HEADINGS, _rows(self.found.judgements["all"]), marked=1, numbers=numbers)
        below = "".join(f'<p class="small">{escape(line)}</p>' for line in self._below())
        return f'{STYLE}<div class="driftsum"><b>{escape(self._title())}</b>{table}{below}</div>'

    def _title(self) -> str:
        found = self.found
        rows = f"{found.current_rows:,} rows against {found.reference_rows:,}"
        return f"{found.outcome.word}: {found.judgements['all'].reason} ({rows})"

    def _below(self) -> list[str]:
        rest = len(self.found.judgements["all"].columns) - _MOST
        lines = [f"{rest} more columns: .to_frame() has all"] if rest > 0 else []
        return lines + [
            f"{label}: {judged.reason}"
            for label, judged in self.found.judgements.items()
            if label != "all" and judged.outcome is Outcome.DRIFT
        ]


def compare(reference: Any, current: Any, **settings: Any) -> Compared:
    """Compare two data sets.

    Args:
        reference: a pandas DataFrame, or the path of a Parquet, CSV or JSON Lines file: what is normal.
        current: likewise; what is judged.
        settings: a model's settings by their names in drift.yaml: `prediction="late"`, `ignore=["id"]`,
            `segments=["region"]`, `rules=["psi > 0.2"]`.

    Raises:
        InputError: one of them cannot be read, or a setting cannot be.
    """
    return Compared(check(reference, current, settings_of(settings) if settings else ModelSettings()))


def _rows(judged: Judgement) -> list[tuple[str, ...]]:
    """The worst columns first: those that drifted, then by PSI."""
    psi = [_value(judged, name, "psi") for name in judged.columns]
    order = sorted(
        range(len(judged.columns)),
        key=lambda at: (judged.outcomes[at] != Outcome.DRIFT, -psi[at] if psi[at] == psi[at] else 0.0),
    )
    broken: dict[str, list[str]] = {}
    for breach in judged.breaches:
        broken.setdefault(breach.column, []).append(breach.rule)
    return [
        (
            judged.columns[at],
            Outcome(int(judged.outcomes[at])).word,
            *(_number(_value(judged, judged.columns[at], name)) for name in SHOWN),
            "; ".join(dict.fromkeys(broken.get(judged.columns[at], ()))),
        )
        for at in order[:_MOST]
    ]


def _frame(label: str, judged: Judgement) -> "pd.DataFrame":
    import pandas as pd

    rules = {name: "; ".join(b.rule for b in judged.breaches if b.column == name) for name in judged.columns}
    return pd.DataFrame(
        {"segment": label, "column": list(judged.columns), "rows": judged.rows}
        | {"outcome": [Outcome(outcome).word for outcome in judged.outcomes.tolist()]}
        | {name: judged.values[:, at] for at, name in enumerate(judged.statistics)}
        | {"rule": [rules[name] for name in judged.columns]}
    )


def _value(judged: Judgement, column: str, statistic: str) -> float:
    return judged.value(column, statistic) if statistic in judged.statistics else float("nan")


def _number(value: float) -> str:
    return f"{value:.3g}" if value == value else "–"
