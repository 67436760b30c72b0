"""Putting the REST API together."""

from typing import Final

from fastapi import FastAPI

from drift.api import errors
from drift.api.access import Authentication, declared, describe
from drift.api.guard import BodyLimits, TrustedHosts
from drift.api.pages import assets, column, health, login, model, overview
from drift.api.pages import incidents as incident_pages
from drift.api.pages import references as reference_pages
from drift.api.pages import runs as run_pages
from drift.api.pages import silences as silence_pages
from drift.api.pages.forms import guarded
from drift.api.pages.headers import Secured
from drift.api.routes import (
    administration,
    alarms,
    events,
    incidents,
    models,
    operations,
    performance,
    references,
    rivals,
    runs,
    silences,
    windows,
)
from drift.api.services import Services
from drift.api.strict import StrictJson

ROUTERS: Final = tuple(
    module.router
    for module in (
        events, references, models, windows, performance, rivals, alarms, incidents, silences, runs, operations,
        administration,
    )
)  # fmt: skip
PAGES: Final = tuple(
    module.router
    for module in (
        overview, column, model, assets, login, incident_pages, silence_pages, run_pages, health, reference_pages,
    )
)  # fmt: skip
"""What people look at; not in the OpenAPI document."""
MAX_BODY: Final = 1 << 20
"""Bytes of a request's body where a route has no limit of its own."""
_DESCRIPTION: Final = """\
Data- and model-drift monitoring by exact sums.

Lists are paged: give `next` of one page as `cursor` to get the following one. Times are RFC 3339 in UTC; a number that
does not exist is null. Where the service can be reached from other machines, every request carries an access token
(`Authorization: Bearer TOKEN`) with the scope that stands beside its route. Every refusal is
`{"error": {"code", "message"}}`.
"""


def create_app(services: Services) -> FastAPI:
    """The API over these services."""
    app = FastAPI(
        title="Driftsum",
        version=services.release or "0",
        description=_DESCRIPTION,
        default_response_class=StrictJson,
        # both pages would load their scripts from other people's servers
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    errors.install(app)
    limits = services.config.server
    describe(app, ROUTERS, optional=not limits.tokens_needed)
    list(declared(PAGES))  # a page as well has to say what it needs
    list(guarded(PAGES))
    for router in (*ROUTERS, *PAGES):
        app.include_router(router)
    by_path = {"/v1/events": limits.max_body, "/v1/references": limits.max_upload}
    app.add_middleware(BodyLimits, limits=by_path, otherwise=MAX_BODY)
    app.add_middleware(Authentication, keys=services.keys, settings=limits, clock=services.clock)
    app.add_middleware(TrustedHosts, hosts=limits.names)
    app.add_middleware(Secured)
    return app
