"""Quantization-aware training: fine-tune a float model so that int8 loses less."""
