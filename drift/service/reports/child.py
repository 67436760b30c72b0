"""The subprocess that makes Evidently's report: `python -m drift.service.reports.child FOLDER`.

It reads `job.json` and two samples from the folder and writes `report.html`. What went wrong is the last line on
standard error.
"""

import os
import resource
import sys
import threading
import warnings
from html import escape
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from drift.core.sample import RowSample
from drift.service.reports.rows import Job

NAME: Final = 80
"""Characters of a name or a key that Evidently is given."""
_LOOKALIKES: Final = str.maketrans({"<": "‹", ">": "›", "&": "＆", "`": "ˋ"})
"""Evidently writes names into its page's script as they are, where `</script>` would end it."""
_BANNER: Final = (
    '<div style="font:14px/1.5 system-ui,sans-serif;padding:12px 20px;border-bottom:1px solid #8888">'
    "<b>{title}</b><br>Made by Evidently {release} of {after:,} sampled rows of this window and {before:,} of the "
    "reference{rest}. Its verdicts are its own: its thresholds know neither the false-alarm budget nor how the process "
    "wanders, and what is judged here are samples, not all rows.</div>"
)


def main(folder: Path) -> None:
    """Make the report."""
    job = msgspec.json.decode((folder / "job.json").read_bytes(), type=Job)
    _bounded(job.memory)
    before, after = (RowSample.load((folder / f"{name}.sample").read_bytes()) for name in ("reference", "window"))
    page = report(job, before, after)
    if len(page) > job.largest:
        raise ValueError(f"the report has {len(page):,} characters; ask for fewer columns with `column`")
    (folder / "report.html").write_text(page, "utf-8")


def report(job: Job, before: RowSample, after: RowSample) -> str:
    """The page: a line on what it was made of, then Evidently's."""
    with warnings.catch_warnings():
        # about its own dependencies, which nobody here can change
        warnings.simplefilter("ignore")
        import evidently
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset, DataSummaryPreset

        names = _names(job.columns)
        numbers = [names[one] for one in job.columns if one in before.names]
        kinds = DataDefinition(
            numerical_columns=numbers, categorical_columns=[n for n in names.values() if n not in numbers]
        )
        current, past = (Dataset.from_pandas(frame(one, names), kinds) for one in (after, before))
        page: str = Report([DataDriftPreset(), DataSummaryPreset()]).run(current, past).get_html_str(as_iframe=False)
    rest = f", without {job.left_out:,} more columns" if job.left_out else ""
    banner = _BANNER.format(
        title=escape(job.title), release=escape(evidently.__version__), after=len(after), before=len(before), rest=rest
    )
    head, body, tail = page.partition("<body>")
    return f"{head}{body}{banner}{tail}"


def frame(sample: RowSample, names: dict[str, str]) -> Any:
    """A sample as a DataFrame under names without markup; empty columns are left to Evidently."""
    import pandas as pd

    columns = sample.columns()
    return pd.DataFrame({shown: _values(columns[name]) for name, shown in names.items()})


def _values(values: Any) -> Any:
    if values.dtype != object:
        return np.where(np.isfinite(values), values, np.nan)
    return [None if value is None else _safe(value) for value in values]


def _safe(text: str) -> str:
    seen = "".join(char if char.isprintable() else " " for char in text[: 2 * NAME]).translate(_LOOKALIKES)
    return seen if len(seen) <= NAME else f"{seen[: NAME - 1]}…"


def _names(columns: tuple[str, ...]) -> dict[str, str]:
    """Column → what it is called in the report; each once."""
    found: dict[str, str] = {}
    for name in columns:
        shown, n = _safe(name), 2
        while shown in found.values():
            shown, n = f"{_safe(name)} ({n})", n + 1
        found[name] = shown
    return found


def _bounded(memory: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory if most == resource.RLIM_INFINITY else min(memory, most), most))


def _end_with_parent() -> None:
    """Its input is a pipe that the parent keeps open and never writes to."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        main(Path(sys.argv[1]))
    except BaseException as error:  # noqa: BLE001  the parent turns the last line into a sentence
        sys.stderr.write(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}\n")
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)
