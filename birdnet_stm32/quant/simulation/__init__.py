"""Compute a network in NumPy and TensorFlow, in float and as int8 does."""
