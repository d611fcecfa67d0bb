"""Reads .tflite files and runs them with the reference kernels."""
