"""Run a function in a Python of its own: what it takes is its own, and a crash or a standstill is an error here."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import Any

from bench.measuring.machine import ROOT


def apart(function: str, *arguments: Any, seconds: float | None = None) -> Any:
    """Call ``module:function`` with arguments that JSON can hold, and return its result, which JSON holds as well."""
    command = [sys.executable, "-m", "bench.measuring.apart", function, json.dumps(arguments)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, env=quiet, check=True)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"not done in {seconds:g} s") from None
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:]
        raise ChildProcessError(f"the process ended with {error.returncode}; {' '.join(last)}") from None
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Be that process: the result is the last line."""
    module, _, name = sys.argv[1].partition(":")
    print(json.dumps(getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2]))))


if __name__ == "__main__":
    main()
