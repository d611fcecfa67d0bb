"""Cut windows from recordings, and choose those that calibrate and verify a quantized model."""
