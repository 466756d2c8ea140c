"""The hls4ml project of a model: written, read back, counted, run."""
