"""What benchmarks measure with: the machine, memory, turns."""
