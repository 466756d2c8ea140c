"""External solvers, each in a process that can be killed."""
