"""The head of a network, the layer that names classes, as a part of the firmware that can be replaced alone.

``contents`` says what a head is, ``file_format`` has its bytes, ``make`` takes it from a model, ``split``
takes the rest of the model, ``sources`` writes the C, and ``fit`` says whether a head fits a firmware.
"""
