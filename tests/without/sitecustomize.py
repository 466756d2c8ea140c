"""Put what KNAPPRUNE_WITHOUT names out of reach: packages are not found, commands are not on the path.

Its folder goes on PYTHONPATH (`make test-without`): Python then runs this file at its start, so that it holds in all
that the tests start too.
"""

import atexit
import os
import shutil
import tempfile
from importlib.machinery import PathFinder
from pathlib import Path

NAMES = set(os.environ.get("KNAPPRUNE_WITHOUT", "").split())

_find_spec = PathFinder.find_spec


def _find_spec_of_others(_, name, path=None, target=None):
    return None if name.partition(".")[0] in NAMES else _find_spec(name, path, target)


def _folder_without(folder: str) -> str:
    """Return the folder, or where it holds a command of that name one with links to all its others."""
    if not any(Path(folder, name).exists() for name in NAMES):
        return folder
    links = tempfile.mkdtemp(prefix="without-")
    atexit.register(shutil.rmtree, links)
    for command in Path(folder).resolve().iterdir():
        if command.name not in NAMES:
            Path(links, command.name).symlink_to(command)
    return links


PathFinder.find_spec = classmethod(_find_spec_of_others)
os.environ["PATH"] = os.pathsep.join(map(_folder_without, os.environ["PATH"].split(os.pathsep)))
