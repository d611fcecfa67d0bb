"""Predict and check what the STM32N6's NPU does with a model.

Reading order: ``evidence`` and ``conditions`` hold what is known; ``operator_mapping``, ``lint`` and
``analyze`` are made from them. ``costs`` and ``cycles`` estimate the time. ``stedgeai`` is the adapter to
ST's compiler. ``mapping_accuracy`` and ``rebuilt_network`` measure how often the table is right.
"""
