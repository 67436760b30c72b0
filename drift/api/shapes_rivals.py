"""Two versions against each other, as JSON."""

from drift.api.shapes import Shape
from drift.api.strict import Number, Time


class BandAnswer(Shape):
    """A number with its 95 % band; null: not known."""

    value: Number
    low: Number
    high: Number


class ContestAnswer(Shape):
    """One metric of both versions."""

    metric: str
    realized: bool
    """From labels; otherwise estimated."""
    champion: BandAnswer
    challenger: BandAnswer
    gain: BandAnswer
    """By how much the challenger is better; negative: worse."""
    verdict: str
    """`better`, `no_worse`, `worse` or `undecided`."""


class DifferenceAnswer(Shape):
    """A feature whose values the two saw otherwise."""

    column: str
    what: str
    """`mean`, `missing`, or a value."""
    amount: Number
    """Standard deviations, or share of rows."""


class RivalsAnswer(Shape):
    """What there is to say of two versions."""

    model: str
    champion: str
    challenger: str
    start: Time
    end: Time
    champion_rows: int
    challenger_rows: int
    verdict: str
    sentence: str
    metrics: list[ContestAnswer]
    traffic: list[DifferenceAnswer]
    """Features that the two saw otherwise; empty: alike in all that were compared."""
    features_compared: int
