"""Relaxations and their bounds."""
