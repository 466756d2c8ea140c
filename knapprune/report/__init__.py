"""Reports of what was done: plain data, a plot, a page."""
