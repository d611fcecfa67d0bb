"""The spectrogram in NumPy: the truth that the C is held to."""
