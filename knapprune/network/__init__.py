"""A network as hls4ml will build it: layers, number types, configuration, data."""
