"""What is known to go wrong between a .tflite and the STM32N6's NPU, found before anything is compiled."""
