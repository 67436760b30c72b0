"""Who runs a command: the access token, which is sent to the service alone and never printed, and the user's name."""

import getpass
import os
import stat
from pathlib import Path
from typing import Final

from drift.core.errors import ConfigError

VARIABLE: Final = "DRIFT_TOKEN"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def file() -> Path:
    """Where a token may stand: `~/.config/driftsum/token`."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base, "driftsum", "token")


def token() -> str:
    """The token; empty: there is none.

    Raises:
        ConfigError: its file can be read by others, or holds no token.
    """
    given = os.environ.get(VARIABLE, "").strip() or _from(file())
    if not (given.isascii() and given.isprintable()) or " " in given:
        raise ConfigError(
            f"what {VARIABLE} or {file()} holds is no access token; put the token there, and nothing else"
        )
    return given


def _from(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if mode & _OTHERS:
            raise ConfigError(f"{path} can be read by others; make it yours alone with `chmod 600 {path}`")
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); check the file") from error


def user() -> str:
    """The name of the user of this machine; empty where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
