"""What the STM32N6 NPU makes of a model."""
