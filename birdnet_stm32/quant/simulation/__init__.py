"""Compute a network in NumPy and TensorFlow, in float and as int8 does.

Read :mod:`~birdnet_stm32.quant.simulation.grids` first, then ``linear_operators``, ``float_graph``,
``int8_graph`` and at last ``run_network``, which the rest of the package calls.
"""
