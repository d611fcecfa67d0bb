"""Measure which tensors of a model lose most when they are rounded to int8."""
