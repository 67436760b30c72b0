"""PromQL made of the metrics in `drift.metrics.names`, so that no name and no label can be misspelt.

Servers that share a store export the same results: `same` counts them once. Counters and histograms are each process's
own: `rate`, `increase` and `quantile` add them up. Labels are given as `outcome="drift"`; a value that begins with `~`
is a pattern, one with `!~` what must not match.
"""

from typing import Final

from drift.metrics.names import Metric

REPLICAS: Final = "instance, pod"
"""Labels that tell processes apart, by which the same result stands several times."""


def series(metric: Metric, /, suffix: str = "", **labels: str) -> str:
    """A selector: `series(OUTCOME, outcome="drift")`; raises `ValueError` for a label that the metric has not."""
    wrong = labels.keys() - {*metric.labels, "job"}
    if wrong:
        raise ValueError(f"{metric.name} has no label {', '.join(sorted(wrong))}; it has {', '.join(metric.labels)}")
    chosen = ", ".join(name + _matched(value) for name, value in labels.items())
    return f"{metric.name}{suffix}" + (f"{{{chosen}}}" if chosen else "")


def same(metric: Metric, /, drop: str = "", **labels: str) -> str:
    """A gauge that all servers export alike, once; the labels in `drop` go as well, by the largest."""
    return f"max without ({_without(drop)}) ({series(metric, **labels)})"


def rate(metric: Metric, /, over: str, drop: str = "", **labels: str) -> str:
    """A counter's growth a second, over all processes."""
    return f"sum without ({_without(drop)}) (rate({series(metric, **labels)}[{over}]))"


def increase(metric: Metric, /, over: str, drop: str = "", **labels: str) -> str:
    """A counter's growth, over all processes."""
    return f"sum without ({_without(drop)}) (increase({series(metric, **labels)}[{over}]))"


def quantile(metric: Metric, /, share: float, over: str, **labels: str) -> str:
    """A histogram's quantile, over all processes."""
    buckets = series(metric, "_bucket", **labels)
    return f"histogram_quantile({share}, sum without ({REPLICAS}) (rate({buckets}[{over}])))"


def verdict(metric: Metric, /, **labels: str) -> str:
    """A model's state as a number: 0 no drift, 1 insufficient data, 2 drift."""
    words = ((2, "drift"), (1, "insufficient_data"), (0, "no_drift"))
    parts = (f"{code} * {series(metric, **labels, outcome=word)}" for code, word in words)
    return f"max without ({REPLICAS}, outcome) ({' or '.join(parts)})"


def _matched(value: str) -> str:
    for sign in ("!~", "~"):
        if value.startswith(sign):
            return f'{"=" * (sign == "~")}{sign}"{value.removeprefix(sign)}"'
    return f'="{value}"'


def _without(drop: str) -> str:
    return f"{REPLICAS}, {drop}" if drop else REPLICAS
