"""Build, train, load and evaluate Keras models. Only this package and ``quant`` import TensorFlow.

Read the rooms in this order: ``architecture``, ``training``, ``checkpoints``, ``evaluation``.
"""
