"""hls4ml's own graphs, from any front end."""
