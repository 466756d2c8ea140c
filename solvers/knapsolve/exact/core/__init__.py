"""The list dynamic programme over an expanding core, for one resource."""
