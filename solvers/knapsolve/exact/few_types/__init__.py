"""Few distinct weight vectors: thresholds, counts, and a window of deviations from the linear relaxation."""
