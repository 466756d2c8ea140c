"""Adapters: one for each framework, and the seam they share."""
