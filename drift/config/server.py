"""`server:` where the service listens, and whom it answers."""

from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import Field

from alerts.secrets import Secret
from drift.config.scalars import Settings, Size, Whole

DEFAULT_PORT: Final = 8642


class ServerSettings(Settings):
    """REST API, metrics and pages."""

    host: str = "127.0.0.1"
    """Address to listen on. On any but loopback every request needs an access token: `drift token create`. Put TLS in
    front of it, or tokens travel in the clear."""
    port: Annotated[Whole, Field(ge=0, le=65535)] = DEFAULT_PORT
    """Port to listen on."""
    trusted_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    """Names under which clients may call the service, beside `host`; anything else is answered with 400."""
    require_token: bool = False
    """Ask for an access token on loopback as well: for a machine that others log in to, or behind a proxy."""
    admin_token: Secret | None = None
    """A token that may do everything, to make others with: `env:NAME` or `file:/path`, of 32 characters at least."""
    metrics_open: bool = False
    """Answer /metrics and /readyz without a token."""
    rate_limit: Annotated[float, Field(gt=0)] = 500.0
    """Requests a second that one token may make, with twice as many at once; beyond it 429 with Retry-After."""
    max_body: Size = 16 << 20
    """Largest request with events, before and after decompression."""
    max_upload: Size = 512 << 20
    """Largest reference file that may be uploaded."""

    @property
    def loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def tokens_needed(self) -> bool:
        """Whether a request without a token is refused."""
        return self.require_token or not self.loopback

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which clients may call it."""
        return (*self.trusted_hosts, self.host)
