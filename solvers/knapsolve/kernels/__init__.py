"""What several solvers compile: graphs, hashes, parallel loops, sums."""
