"""Find known problems of a .tflite on the STM32N6's NPU before it is compiled."""
