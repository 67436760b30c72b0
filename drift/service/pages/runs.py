"""Retrain runs for the page."""

from typing import Final

from dashboards.web.links import page_url
from dashboards.web.views.figure import Pages
from dashboards.web.views.silences import RunList
from drift.config import Config
from drift.core.alert import RunState
from drift.core.errors import InputError, NotFound
from drift.service.access import Caller
from drift.service.pages.incidents import Names, run_line, triggers_of
from drift.service.pages.listing import scan
from drift.store.store import Store

_MODELS: Final = 200


def run_list(
    store: Store, config: Config, asker: Caller, model: str = "", state: str = "", before: int | None = None
) -> RunList:
    """Runs of one model or of all that the caller sees.

    Raises:
        NotFound: there is no such model.
        InputError: there is no such state.
    """
    catalogue = store.catalogue()
    if model and (model not in catalogue.models or not asker.sees(model)):
        raise NotFound(f"there is no model {model!r}")
    if state and state not in list(RunState):
        raise InputError(f"query state: there are {', '.join(RunState)}")
    names, states = Names(catalogue), (RunState(state),) if state else None
    model_id = catalogue.models[model].id if model else None
    rows, following = scan(
        lambda n, till: store.runs(model_id=model_id, states=states, limit=n, before=till), before,
        lambda one: one.id, lambda one: asker.sees(names.model(one.model_id)),
    )  # fmt: skip
    here = {"model": model, "state": state}
    pages = Pages(
        before=page_url("/runs", **here) if before is not None else "",
        after=page_url("/runs", **here, cursor=following) if following else "", words=("First page", "Older"),
    )  # fmt: skip
    seen = tuple(sorted(filter(asker.sees, catalogue.models))[:_MODELS])
    mine = tuple((one, triggers_of(config, one)) for one in seen)
    return RunList(
        tuple(run_line(one, names) for one in rows), state, model, tuple(RunState), seen,
        tuple((one, triggers) for one, triggers in mine if triggers), pages,
    )  # fmt: skip
