"""The int8 arithmetic of TFLite: scales, codes, and integer factors."""
