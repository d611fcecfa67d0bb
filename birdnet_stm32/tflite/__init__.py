"""Read, edit and write .tflite files, and run them with the reference kernels.

Reading order: ``ir``, ``reader``, ``node``, ``operator_sets``; then ``flatbuffer`` and ``writer``; then
``interpreter`` and ``single_operator``.
"""
