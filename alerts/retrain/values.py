"""What the placeholders of a trigger's templates stand for, taken from a run."""

from collections.abc import Mapping
from typing import Any

import msgspec

from drift.core.alert import Run
from drift.core.clock import isoformat


def values(run: Run, external_id: str = "") -> dict[str, Any]:
    """Placeholder → value, as JSON."""
    conf = dict(run.conf)
    url = str(conf.get("url") or "")
    columns = [one for one in conf.get("columns") or () if isinstance(one, Mapping)]
    names = list(dict.fromkeys(str(one.get("column") or "") for one in columns if one.get("column")))
    stretch = conf.get("stretch") or {}
    data = conf.get("data") or {}
    called = f"{url}/v1/runs/{run.id}/ended" if url and run.id else ""
    given = conf | {"run_id": run.id, "callback_url": called or None}
    return {
        "model": conf.get("model"),
        "version": conf.get("version"),
        "owner": conf.get("owner"),
        "trigger": run.trigger,
        "key": run.key,
        "severity": conf.get("severity"),
        "incident": run.incident_id,
        "title": conf.get("title"),
        "onset": conf.get("onset"),
        "window_start": stretch.get("start"),
        "window_end": stretch.get("end"),
        "window": (conf.get("window") or {}).get("spec"),
        "columns": columns,
        "column_names": names,
        "column_list": ",".join(names),
        "evidence_url": data.get("evidence"),
        "data_url": data.get("windows"),
        "link": conf.get("link"),
        "run_id": run.id,
        "callback_url": called or None,
        "requested_at": isoformat(run.created_at),
        "conf": given,
        "conf_json": msgspec.json.encode(given).decode(),
        "id": external_id,
    }
