"""Where the events come from: a file, read as the file source of production reads it, or a DataFrame in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from drift.backtesting.frames import FrameEvents
from drift.backtesting.plan import Plan
from drift.core.clock import Clock
from drift.core.errors import InputError
from drift.core.rows import Fields
from drift.core.schema import Role, Schema
from drift.pipeline.ports import Decoder, DecoderFactory, Source

Progress = Callable[[int, int | None], None]
"""Told how far reading is, and how far there is to go where that is known."""

PEEKED: Final = 1 << 20
"""Bytes of JSON Lines that are looked at to see which columns there are."""
SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Events:
    """A stream that ends, opened."""

    label: str
    """How it is called in what is shown."""
    names: tuple[str, ...]
    """Its columns; of JSON Lines those of the first lines, and there may be others."""
    nested: bool
    """Whether features stand in an object `features`, as in Driftsum's own events."""
    source: Callable[[Clock, Progress], Source]
    decoder: Callable[[Mapping[str, Any], Mapping[str, Fields]], Decoder]
    """From options and fields to what decodes its records."""
    at_once: int
    """Records decoded at once."""
    certain: bool = True
    """Whether `names` are all there are."""

    def require(self, name: str) -> None:
        """Raises InputError where there is no such column."""
        if name not in self.names:
            raise InputError(f"{self.label}: there is no column {name!r}; there are {_some(self.names)}")

    def differences(self, plan: Plan, schema: Schema) -> Iterator[str]:
        """What to say of columns that only the reference has, or only the events."""
        if not self.certain or self.nested:
            return
        label = plan.settings.label
        known = {plan.time, label and label.column, *(column.field for column in schema.columns)}
        lacking = list(dict.fromkeys(column.field for column in schema.counted if column.field not in self.names))
        new = [name for name in self.names if name not in known]
        if lacking:
            yield f"the events lack columns of the reference: {_some(lacking)}; they count as missing"
        if new:
            yield f"the reference lacks columns of the events: {_some(new)}; they are not watched"

    def decoders(self, plan: Plan, schema: Schema) -> DecoderFactory:
        """How records become rows of the plan's model."""
        options = {"map": self.map(plan, schema)}

        def make(models: Mapping[str, Sequence[Schema]]) -> Decoder:
            from ingest.decoding.fields import union

            return self.decoder(options, {name: union(schemas) for name, schemas in models.items()})

        return make

    def map(self, plan: Plan, schema: Schema) -> dict[str, Any]:
        """Where the parts of an event stand, as under `map:` in drift.yaml. Names go as lists: they may hold dots."""
        parts: dict[str, Any] = {"model": f"={plan.name}", "zone": "UTC"}
        if not plan.numbered:
            parts["time"] = [plan.time]
        parts |= {"features": "features", "segments": "segments"} if self.nested else {"features": "$", "segments": "$"}
        for role in (Role.PREDICTION, Role.LABEL):
            named = schema.with_role(role)
            if named:
                parts[role.value] = self._place(named[0].name, role)
        scores = schema.with_role(Role.SCORE)
        if scores:
            parts["score"] = {score.field: self._place(score.field, Role.SCORE) for score in scores}
        return parts

    def _place(self, name: str, role: Role) -> list[str]:
        """A nested event calls prediction, score and label by their roles unless it has the column itself."""
        return [role.value] if self.nested and name not in self.names else [name]


def open_events(source: Any) -> Events:
    """A path, or a pandas DataFrame.

    Raises:
        InputError: nothing of the kind is there, or it cannot be read.
    """
    if hasattr(source, "iloc"):
        frame = FrameEvents(source)
        return Events("the DataFrame of events", frame.names, False, frame.source, frame.decoder, 1)
    if not isinstance(source, str | Path):
        raise InputError(f"events are a path or a pandas DataFrame, not {type(source).__name__}")
    return _file(Path(source))


def _file(path: Path) -> Events:
    from drift.service.service import BATCHES, POLL_RECORDS
    from ingest import formats
    from ingest.sources.files import FileSource, format_of

    form = format_of(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; give a file of events in Parquet, CSV or JSON Lines")
    try:
        names, nested = _PEEKS[form](path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error

    def source(clock: Clock, progress: Progress) -> Source:
        return FileSource("file", path, clock, progress=progress)

    decoder = partial(formats.decoder, form)
    return Events(str(path), names, nested, source, decoder, POLL_RECORDS.get(form, BATCHES), form != "json")


def _parquet(path: Path) -> tuple[tuple[str, ...], bool]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is no readable Parquet file ({str(error).splitlines()[0][:200]})") from error
    if not rows:
        raise InputError(f"{path} has no rows; give a file with events")
    at = schema.get_field_index("features")
    return tuple(schema.names), at >= 0 and pa.types.is_struct(schema.field(at).type)


def _csv(path: Path) -> tuple[tuple[str, ...], bool]:
    from drift.reference.text import header_of

    with path.open("rb") as file:
        rows = bool(file.readline()) and bool(file.readline().strip())
    names = tuple(name for name in header_of(path) if name)
    if not rows:
        raise InputError(f"{path} has no rows below its header; give a file with events")
    return names, False


def _lines(path: Path) -> tuple[tuple[str, ...], bool]:
    with path.open("rb") as file:
        lines = file.read(PEEKED).split(b"\n")
    if not any(line.strip() for line in lines):
        raise InputError(f"{path} has no rows; give a file with events, one JSON object a line")
    found: dict[str, None] = {}
    nested = False
    for line in lines:
        try:
            event = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # it is refused and counted when it is read
        if isinstance(event, dict):
            found |= dict.fromkeys(event)
            nested |= isinstance(event.get("features"), dict)
    if not found:
        raise InputError(f"{path} holds no JSON object in its first lines; write one event a line")
    return tuple(found), nested


_PEEKS: Final[Mapping[str, Callable[[Path], tuple[tuple[str, ...], bool]]]] = {
    "arrow": _parquet, "csv": _csv, "json": _lines,
}  # fmt: skip


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
