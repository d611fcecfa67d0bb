"""Choose the operand range of each tensor: the float values that its int8 codes represent.

``calibrate`` observes ranges and writes them into a float model. ``limits`` and ``clipping``, with
``least_noise``, make ranges narrower, which makes int8 steps finer. ``widths`` reads ranges from an int8
model.
"""
