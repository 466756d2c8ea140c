"""Commands as a user gives them, in this process."""

from typing import Any

from typer.testing import CliRunner, Result


def invoke(app: Any, *arguments: object) -> Result:
    """Run a command of an application and return its exit code and what it has printed."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
