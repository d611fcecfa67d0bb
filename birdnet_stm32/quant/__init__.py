"""Quantization: from a float model to an int8 model, with its verification and its diagnosis.

Read the rooms in this order; each uses only rooms before it, except where noted:

1. :mod:`~birdnet_stm32.quant.arithmetic`: the int8 arithmetic of TFLite.
2. :mod:`~birdnet_stm32.quant.rewriting`: a network as a list of operators, and ways to rewrite it. Only
   ``bias_correction`` runs the simulation.
3. :mod:`~birdnet_stm32.quant.simulation`: compute such a network in float, and as int8 does.
4. :mod:`~birdnet_stm32.quant.ranges`: choose the float values that int8 codes represent.
5. :mod:`~birdnet_stm32.quant.training`: quantization-aware training.
6. ``convert``: quantize a Keras model. ``verify``: compare an int8 model with its float model.
7. :mod:`~birdnet_stm32.quant.recipes`: named combinations of all of these.
8. :mod:`~birdnet_stm32.quant.sensitivity`: find the layers in which int8 loses accuracy.
9. :mod:`~birdnet_stm32.quant.doctor`: find out why a model fails its gate, and what may help.
"""
