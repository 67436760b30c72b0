"""Peers, each in an environment of its own under `.cache/bench-envs`, made by uv."""

import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import CHECKOUT

PYTHON = "3.11"
PINS = {
    # 0.13.1 imports statsmodels without asking for it
    "nannyml": ("nannyml==0.13.1", "statsmodels==0.15.0", "pandas==3.1.1", "numpy==2.4.6"),
    # 1.6.4 uses names that NumPy 2 has removed
    "whylogs": ("whylogs==1.6.4", "pandas==2.3.3", "numpy==1.26.4"),
    "evidently": ("evidently==0.7.23", "pandas==3.0.6", "numpy==2.4.6"),
}
ENVIRONMENTS = CHECKOUT / ".cache" / "bench-envs"


def python_of(name: str) -> Path:
    """The Python of a peer's environment, which is made first where it is not there."""
    home = ENVIRONMENTS / "-".join(pin.replace("==", "-") for pin in (name, PINS[name][0].partition("==")[2]))
    python, ready = home / "bin" / "python", home / ".ready"
    if not ready.exists():
        uv = Path(sys.executable).with_name("uv")
        print(f"making an environment for {name} ...", file=sys.stderr)
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", PYTHON, home], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *PINS[name]], check=True)
        ready.touch()
    return python
