"""The command `drift`. Nothing heavy is imported before a command needs it."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from drift.core.errors import DriftError

FAILED: Final = 2
"""Exit code of everything that could not be done; `drift check` keeps 1 for drift."""


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run one command; its exit code. An error is one sentence on standard error, never a stack trace."""
    from typer.main import get_command

    from drift.cli.app import app

    debug = "--debug" in args or os.environ.get("DRIFT_DEBUG", "") not in ("", "0")
    try:
        code = get_command(app).main([arg for arg in args if arg != "--debug"], prog_name="drift")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0 if done.code is None else FAILED
    except KeyboardInterrupt:
        return 130
    except DriftError as error:
        _say(str(error), debug)
        return FAILED
    except Exception as error:  # noqa: BLE001  whatever it was, a person gets a sentence
        hint = "" if debug else "; run it again with --debug to see where"
        _say(f"this is a bug ({type(error).__name__}: {_first_line(error)}){hint}", debug)
        return FAILED
    return code if isinstance(code, int) else 0


def _say(sentence: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"drift: {sentence}\n")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
