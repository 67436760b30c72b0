"""A model's performance, as JSON."""

from drift.api.shapes import Shape, WindowDetail
from drift.api.strict import Number, Time


class MeasureAnswer(Shape):
    """One metric with its 95 % band."""

    value: Number
    low: Number
    high: Number
    why: str
    """Why there is no number, where there is none."""


class CauseAnswer(Shape):
    """What one column has to do with a change of the loss against the reference; positive is worse."""

    column: str
    composition: Number
    """That other values of it came."""
    within: Number
    """That the same values do worse."""
    z: Number
    """`composition` in standard errors."""
    weight: Number


class GapAnswer(Shape):
    """How unlike a metric is between the groups of a sensitive attribute."""

    attribute: str
    metric: str
    difference: Number
    ratio: Number
    low: Number
    high: Number
    null: Number
    """The difference that chance alone shows at most, with 95 % probability."""
    worst: str
    best: str


class SliceAnswer(Shape):
    """A part of the traffic that is worse off than the rest."""

    where: dict[str, str]
    """Column → bin."""
    rows: int
    loss: Number
    rest: Number
    p_value: Number


class DelayAnswer(Shape):
    """How long labels of one class took from their predictions; seconds, known to within a factor of 2."""

    name: str
    """The class; empty for regression."""
    labels: int
    median: Number
    most: Number
    """Within which nine in ten came."""


class PerformanceAnswer(Shape):
    """How well a model did in one segment of one window."""

    estimated: dict[str, MeasureAnswer]
    """Without labels, under `assumption`."""
    realized: dict[str, MeasureAnswer]
    """By the labels there are; final once they are `mature`."""
    reference: dict[str, MeasureAnswer]
    assumption: str
    affected: bool | None
    """Whether it is worse than the reference by more than is borne; null where that cannot be told."""
    predicted: int
    joined: int
    """Predictions with a label, explicit or implied."""
    coverage: Number
    """Share of predictions that can be labelled and are."""
    mature: bool
    confusion: list[list[int]]
    """[true][predicted] by class; empty for regression."""
    causes: list[CauseAnswer]
    gaps: list[GapAnswer]
    slices: list[SliceAnswer]
    delays: list[DelayAnswer]
    conflicts: int
    """Labels that said otherwise than one before."""
    summary: str
    """In words."""


class PerformancePoint(PerformanceAnswer):
    """The same, with the window that it is of."""

    window_id: int
    version: str
    segment: str
    window: str
    """How it is cut: `1h`."""
    start: Time
    end: Time
    revision: int
    state: str


class WindowShown(WindowDetail):
    """A window with the judgement of one segment, and how well the model did in each."""

    performance: dict[str, PerformanceAnswer]
    """Segment → performance, where predictions and labels are counted."""
