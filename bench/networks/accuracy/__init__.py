"""Accuracy under a budget: methods at equal counted DSPs and memory blocks, bit-accurate, on Fashion-MNIST."""
