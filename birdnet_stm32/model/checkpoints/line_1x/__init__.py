"""Rewrite the front-end layer of the published line 1.x (1.0 to 1.8) as stock layers that compute the same.

Read the modules in this order: ``layer_settings`` (what a layer was built with), ``spectrogram_front_end``
(the front ends hybrid and librosa), ``filter_blocks`` and ``raw_front_end`` (the front end raw), ``rewrite``.
The class of the layer is never needed: its weights have the names of the layers that it consists of.
"""
