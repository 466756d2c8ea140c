"""The best value at each capacity of one resource, from one preparation."""
