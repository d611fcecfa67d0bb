"""Quantization-aware training: of weights alone, and of weights and activations together.

Read ``settings`` and ``distillation`` first; ``fake_quant`` and ``weight_qat`` train weights, ``augment`` and
``activation_qat`` train the whole int8 network.
"""
