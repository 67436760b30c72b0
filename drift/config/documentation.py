"""docs/configuration.md and docs/metrics.md, written from the code: `python -m drift.config.documentation`.

A test fails while the files differ from what this writes.
"""

import inspect
import json
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from drift.config.root import Config
from drift.metrics import names

_HEAD: Final = """\
# Configuration

<!-- written by `python -m drift.config.documentation`; change the descriptions in drift/config/ instead -->

One file, `drift.yaml`. `drift init REFERENCE` writes a commented one, `drift validate` checks it as a whole and names
line and fix, `drift validate --schema` prints its JSON Schema for editors. The smallest useful one:

```yaml
models:
  credit:
    reference: train.parquet
sources:
  - kafka: {bootstrap: "localhost:9092", topics: [predictions], start: latest}
```

- Durations are a number and a unit: `90s`, `5m`, `1h`, `1d`, `2w`. Sizes likewise: `512kB`, `16MB` (1 MB = 2^20 bytes).
- Relative paths start at the folder of `drift.yaml`.
- `${NAME}` stands for an environment variable, `${NAME:-default}` has a default, `$$` is a dollar sign. A value that is
  `file:PATH` is read from that file. What comes this way is never shown.
"""

_METRICS: Final = """\
# Metrics

<!-- written by `python -m drift.config.documentation`; change drift/metrics/names.py instead -->

`GET /metrics` of every server; workers export the first table only. Servers that share a store export the same results,
so take `max without (instance, pod)` of them. Series of a window go away 2 × its length + the lateness after its end;
only `drift_window_end_timestamp_seconds` stays. Series with a column's name are capped per model (`metrics:` in
drift.yaml): columns in breach come first, then the worst ones, each with all its statistics.
"""


def configuration() -> str:
    """docs/configuration.md."""
    return _HEAD + "".join(_block(name, model, where) for name, model, where in _blocks(Config, "", "drift.yaml"))


def metrics() -> str:
    """docs/metrics.md."""
    return (
        _METRICS
        + _table("Ingest", names.INGEST)
        + _table("Results", names.RESULTS)
        + _table("Delivery", names.DELIVERING)
        + _table("Retraining", names.RETRAINING)
        + _table("Process", (names.BUILD,))
    )


def _table(title: str, family: tuple[names.Metric, ...]) -> str:
    rows = [f"| `{one.name}` | {one.kind} | {_words(one.labels) or '–'} | {one.help} |" for one in family]
    return f"\n## {title}\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _blocks(model: type[BaseModel], path: str, title: str) -> Iterator[tuple[str, type[BaseModel], str]]:
    """Every block of settings with its place in the file, outermost first."""
    yield title, model, path
    for name, field in model.model_fields.items():
        for inner, suffix in _inner(field.annotation):
            place = f"{path}.{name}{suffix}".removeprefix(".")
            yield from _blocks(inner, place, place)


def _inner(kind: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """The settings classes within an annotation, and how one gets to them."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind, ""
        return
    suffix = {dict: ".NAME", tuple: "[]"}.get(get_origin(kind), "")
    for part in get_args(kind):
        for inner, more in _inner(part):
            yield inner, suffix + more


def _block(title: str, model: type[BaseModel], path: str) -> str:
    rows = [
        f"| `{field.alias or name}` | {_default(field)} | {_one_line(field.description)} |"
        for name, field in model.model_fields.items()
    ]
    heading = f"\n## {'`' + title + '`' if path else 'Top level'}\n\n{_one_line(inspect.getdoc(model))}\n\n"
    return heading + "| setting | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _choices(kind: Any) -> str:
    """The words of an enumeration."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f" One of {_words(kind)}."
    return next((words for part in get_args(kind) if (words := _choices(part))), "")


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "below"
    if value is None or value in ((), {}, ""):
        return "–"
    return f"`{_spelled(field, value)}`"


def _spelled(field: FieldInfo, value: Any) -> str:
    """A default as a user would write it."""
    plain = _plain(field, value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _plain(field: FieldInfo, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return [getattr(one, next(iter(type(one).model_fields))) for one in value]
    adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    return adapter.dump_python(value, mode="json")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def write(folder: Path) -> None:
    """Write both files."""
    folder.mkdir(exist_ok=True)
    for name, text in (("configuration.md", configuration()), ("metrics.md", metrics())):
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path("docs"))
