"""What Sphinx is told: `make docs` builds the site, with warnings as errors."""

from __future__ import annotations

from knapsolve import __version__

project = "knapprune"
author = "the authors of knapprune"
copyright = "the authors of knapprune, Apache-2.0"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
templates_path: list[str] = []

# The pages are read on GitHub too: headings have anchors there, and links go to files of the repository.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]

# Names are public by their module's `__all__`; the seams' methods are said once, in the protocol.
autodoc_default_options = {"members": True, "imported-members": True, "member-order": "groupwise"}
autodoc_typehints = "none"
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"knapprune {version}"
html_theme_options = {"top_of_page_buttons": []}
