"""What evaluation asks of the store and of metrics."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from drift.core.alert import AlertCommit
from drift.core.answer import Answer, Stretches
from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.commit import EvaluationCommit, Gap, Lease
from drift.core.fields import FieldsSeen
from drift.core.performance import Performance
from drift.core.profile import Profile
from drift.core.result import Judgement
from drift.core.window import Window, WindowSpec
from drift.evaluation import baselines
from drift.evaluation.closing import Status
from drift.evaluation.decide import Pending

Judge = Callable[[Profile, Profile, Model, int], Judgement]
"""(window's profile, reference's profile, model, segment) → its judgement."""


class Perform(Protocol):
    """Tells how well a model did."""

    def __call__(
        self, model: Model, reference: Reference, spec: WindowSpec, window: Window, profile: Profile, *,
        drifted: Sequence[str] = (), since: int | None = None, checked: int | None = None,
    ) -> Mapping[int, Performance]:  # fmt: skip
        """Segment → performance of a window, from its profile with outcomes.

        `drifted` columns are named where they do no harm; `since` when an alarm on performance that stands began;
        `checked` is the end of the last window whose labels were compared with what was expected.
        """


class PaneTotal(Protocol):
    """The sums of a stretch."""

    @property
    def profile(self) -> Profile | None:
        """None: there are no rows."""

    @property
    def rows(self) -> int:
        """Rows counted."""

    @property
    def straddles(self) -> bool:
        """Compacted sums reach over the stretch's edge and are not in the profile."""


class DetectionStore(baselines.Store, Protocol):
    """The part of the store that sequential detection uses."""

    def detector_state(self, reference_id: int, spec: str, before: int | None = None) -> tuple[Window, bytes] | None:
        """The newest state whose window starts before a moment."""

    def final_windows(self, reference_id: int, spec: str, start: int, end: int) -> Sequence[Window]:
        """Final windows with rows that start within a stretch, ascending."""

    def profile(self, reference: Reference, start: int, end: int, *, outcomes: bool = True) -> PaneTotal:
        """The sums of all panes in a stretch, with or without those of predictions and labels."""

    def answer(self, answer: Answer, stretches: Stretches | None = None) -> Answer:
        """Store an answer and the sums it keeps."""


class Dirty(Protocol):
    """A pane that got rows."""

    @property
    def id(self) -> int:
        """Of this mark."""

    @property
    def model_id(self) -> int:
        """Whose pane."""

    @property
    def reference_id(self) -> int:
        """On which grid."""

    @property
    def start(self) -> int:
        """The pane's start."""

    @property
    def rows(self) -> int:
        """How many."""


class StoredWindow(Pending, Protocol):
    """A pending window as the store keeps it."""

    @property
    def id(self) -> int:
        """Of the window."""

    @property
    def model_id(self) -> int:
        """Whose window."""

    @property
    def reference_id(self) -> int:
        """On which grid."""

    @property
    def spec(self) -> str:
        """Which of the model's windows."""

    @property
    def dirt(self) -> int:
        """Grows with every mark; a result clears `stale` only if this is what it was when the panes were read."""


class Store(Protocol):
    """The part of the store that the evaluator uses."""

    def catalogue(self) -> Catalogue:
        """Models and references."""

    def lease(self, name: str, holder: str, ttl_seconds: float) -> Lease | None:
        """The right to work alone, or None while another holds it."""

    def renew(self, lease: Lease, ttl_seconds: float) -> Lease | None:
        """The same lease, longer; None: it was lost."""

    def release_lease(self, lease: Lease) -> None:
        """Give it up."""

    def dirty(self, limit: int) -> Sequence[Dirty]:
        """Panes that got rows, oldest mark first."""

    def mark_stale(
        self, lease: Lease, dirty_ids: Sequence[int], windows: Iterable[tuple[int, int, str, Window, int]]
    ) -> None:
        """Windows (model, reference, spec, stretch, new rows) to be judged again; deletes exactly these marks."""

    def pending(self, model_id: int, limit: int) -> Sequence[StoredWindow]:
        """Windows that are stale or not final, oldest end first."""

    def partitions(self) -> Sequence[Status]:
        """Every partition."""

    def gaps(self) -> Sequence[Gap]:
        """Every recorded gap."""

    def profile(self, reference: Reference, start: int, end: int, *, outcomes: bool = True) -> PaneTotal:
        """The sums of all panes in a stretch, with or without those of predictions and labels."""

    def fields(self, reference_id: int, start: int, end: int) -> FieldsSeen:
        """Unknown fields seen in a stretch."""

    def judgements(self, window_id: int) -> Mapping[int, Judgement]:
        """Segment index → judgement of a window's latest result."""

    def reference_profile(self, reference_id: int) -> Profile:
        """The reference's sums."""

    def performances(self, window_ids: Iterable[int], segment: int | None = 0) -> dict[tuple[int, int], Performance]:
        """(window id, segment) → performance as last evaluated."""

    def commit_evaluation(self, batch: EvaluationCommit) -> None:
        """Results, all or nothing; fenced by the lease."""

    def commit_alerting(self, lease: Lease, batch: AlertCommit) -> None:
        """What a moment means to alerts; fenced by the lease."""


class Metrics(Protocol):
    """What evaluation counts about itself."""

    def evaluation(self, seconds: float) -> None:
        """Duration of judging one window."""
