"""What the vendor's tools report on an hls4ml project: found, read, matched to layers, and set beside the counts."""
