"""From the store's rows to the API's shapes."""

from collections.abc import Mapping

from detectors.sampled.contract import Finding
from drift.api import shapes
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.commit import Gap
from drift.core.fields import FieldsSeen
from drift.core.result import Breach, Judgement, Outcome
from drift.core.window import format_duration
from drift.store.rows import BreachRow, DeadLetterRow, PartitionStatus, SeriesPoint, WindowRow


class Names:
    """What ids stand for, by one picture of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._models = {model.id: name for name, model in catalogue.models.items()}
        self._references = {reference.id: reference for reference in catalogue.references}

    def model(self, model_id: int) -> str:
        """A model's name."""
        return self._models[model_id]

    def version(self, reference_id: int) -> str:
        """The model version that a reference belongs to."""
        return self._references[reference_id].version

    def segments(self, reference_id: int) -> list[str]:
        """Segment labels by index."""
        return [segment.label for segment in self._references[reference_id].grid.segments]

    def of_model(self, model_id: int) -> list[Reference]:
        """A model's references, oldest first."""
        return [reference for reference in self._references.values() if reference.model_id == model_id]


def model(of: Model) -> shapes.ModelAnswer:
    """A model."""
    return shapes.ModelAnswer(
        name=of.name,
        pane=format_duration(of.pane),
        lateness=format_duration(of.lateness) if of.lateness else "0s",
        timezone=of.zone,
        windows=[spec.name for spec in of.windows],
        settings={key: value for key, value in of.settings.items() if key != "reference"},
    )


def fields(found: Mapping[str, FieldsSeen]) -> shapes.FieldsAnswer:
    """Unknown fields by model version, the most frequent first."""
    listed = [
        shapes.FieldAnswer(
            version=version,
            name=name,
            type=seen.sums.storage(name),
            share=seen.sums.events(name) / seen.sums.looked,
            first_seen=seen.first[name],
            last_seen=seen.last[name],
        )
        for version, seen in found.items()
        for name in seen.sums.seen
    ]
    order = sorted(listed, key=lambda one: (one.version, -one.share, one.name))
    return shapes.FieldsAnswer(fields=order, more=any(seen.sums.more for seen in found.values()))


def reference(of: Reference, model_name: str) -> shapes.ReferenceAnswer:
    """A reference."""
    return shapes.ReferenceAnswer(
        id=of.id,
        model=model_name,
        version=of.version,
        content_hash=of.content_hash,
        rows=of.rows,
        columns=len(of.grid.columns),
        segments=[segment.label for segment in of.grid.segments],
        active_from=of.active_from,
        created_at=of.created_at,
    )


def window(row: WindowRow, names: Names) -> shapes.WindowAnswer:
    """A window."""
    return shapes.WindowAnswer(
        id=row.id,
        model=names.model(row.model_id),
        version=names.version(row.reference_id),
        window=row.spec,
        start=row.window.start,
        end=row.window.end,
        state=row.state,
        outcome=row.outcome.word if row.outcome is not None else None,
        rows=row.rows,
        revision=row.revision,
        reason=row.reason,
        evaluated_at=row.evaluated_at,
        stale=row.stale,
    )


def row_test(of: Finding) -> shapes.RowTestAnswer:
    """What a test over row samples says."""
    return shapes.RowTestAnswer(
        test=of.test, column=of.column, value=of.value, threshold=of.threshold, p_value=of.p_value, drifted=of.drifted,
        rows=of.rows, columns=list(of.columns), why=of.why,
    )  # fmt: skip


def judgement(of: Judgement, segment: str) -> shapes.JudgementAnswer:
    """The verdict on one segment."""
    return shapes.JudgementAnswer(
        segment=segment,
        rows=of.rows,
        outcome=of.outcome.word,
        reason=of.reason,
        breaches=[breach(one) for one in of.breaches],
        columns=[_column(of, i) for i in range(len(of.columns))],
    )


def _column(of: Judgement, i: int) -> shapes.ColumnAnswer:
    values, thresholds = of.values[i].tolist(), of.thresholds[i].tolist()
    return shapes.ColumnAnswer(
        column=of.columns[i],
        outcome=Outcome(int(of.outcomes[i])).word,
        statistics=dict(zip(of.statistics, values, strict=True)),
        # NaN: no rule looks at it
        thresholds={name: limit for name, limit in zip(of.statistics, thresholds, strict=True) if limit == limit},
    )


def breach(of: Breach) -> shapes.BreachAnswer:
    """A breach within its judgement."""
    return shapes.BreachAnswer(
        column=of.column,
        statistic=of.statistic,
        value=of.value,
        threshold=of.threshold,
        rule=of.rule,
        direction=of.direction,
    )


def listed_breach(row: BreachRow, names: Names) -> shapes.ListedBreach:
    """A breach by itself."""
    return shapes.ListedBreach(
        id=row.id,
        window_id=row.window_id,
        version=names.version(row.reference_id),
        window=row.spec,
        start=row.window.start,
        end=row.window.end,
        state=row.state,
        segment=names.segments(row.reference_id)[row.segment],
        column=row.column,
        statistic=row.statistic,
        value=row.value,
        threshold=row.threshold,
        rule=row.rule,
        direction=row.direction,
    )


def point(row: SeriesPoint, names: Names) -> shapes.PointAnswer:
    """One point of a series."""
    return shapes.PointAnswer(
        window_id=row.window_id,
        version=names.version(row.reference_id),
        start=row.window.start,
        end=row.window.end,
        value=row.value,
        threshold=row.threshold,
        outcome=row.outcome.word,
        rows=row.rows,
        state=row.state,
    )


def dead_letter(row: DeadLetterRow) -> shapes.DeadLetterAnswer:
    """A dead letter."""
    letter = row.letter
    return shapes.DeadLetterAnswer(
        id=row.id,
        source=letter.partition.source,
        topic=letter.partition.topic,
        partition=letter.partition.number,
        offset=letter.offset,
        index=letter.index,
        reason=letter.reason,
        detail=letter.detail,
        at=letter.at,
        replayed_at=row.replayed_at,
        payload=letter.payload.decode("utf-8", "backslashreplace"),
    )


def partition(of: PartitionStatus, models: Mapping[int, str]) -> shapes.PartitionAnswer:
    """A partition; `models`: id → name."""
    return shapes.PartitionAnswer(
        source=of.partition.source,
        topic=of.partition.topic,
        partition=of.partition.number,
        position=of.next,
        log_end=of.log_end,
        lag=of.lag,
        owner=of.owner,
        heartbeat_at=of.heartbeat_at,
        finished=of.finished,
        records=of.records,
        watermarks={models[model_id]: time for model_id, time in of.watermarks.items() if model_id in models},
    )


def gap(of: Gap) -> shapes.GapAnswer:
    """A gap."""
    where = of.partition
    return shapes.GapAnswer(
        source=where.source, topic=where.topic, partition=where.number, first=of.first, last=of.last, at=of.at
    )
