"""Whole channels of a network as items of the knapsack, each with all kernels that it goes through."""
