"""What hls4ml makes of each layer's settings."""
