"""A plugin that fails on import, as one does whose own dependency is missing."""

import a_package_that_nobody_has  # noqa: F401
