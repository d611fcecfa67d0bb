"""From a .tflite to portable C11."""
