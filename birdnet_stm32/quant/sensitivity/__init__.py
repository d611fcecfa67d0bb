"""Measure which tensors of a model lose most when they are rounded to int8.

Read ``hybrid_model``, ``layer_names``, ``tensor_errors`` and ``layer_report``, then ``measure_layers``.
"""
