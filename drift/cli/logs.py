"""Where log lines go: to standard error, so that standard output stays what a program may read."""

import logging
import sys
from typing import Final, TextIO, cast

import structlog

QUIET: Final = logging.ERROR
"""For commands that print a result: what went wrong reaches the user as the command's own sentence."""
TALKATIVE: Final = logging.INFO


class _StandardError:
    """Standard error as it is when a line is written: whoever redirects it gets the line."""

    def write(self, text: str) -> int:
        """Write."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush."""
        sys.stderr.flush()


def configure(level: int) -> None:
    """Log lines of this level and above; traces without the values of variables, which may be events or secrets."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=False,
    )
    # libraries that log by the standard library: the Kafka clients, the scheduler, the web server
    logging.basicConfig(
        level=max(level, logging.WARNING), format="%(levelname)s %(name)s: %(message)s",
        handlers=[logging.StreamHandler(_StandardError())],
    )  # fmt: skip
