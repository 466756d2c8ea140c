"""The best selection at each budget of one resource, from one preparation."""
