"""Keras 3 models."""
