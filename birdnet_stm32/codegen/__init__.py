"""Generate portable C11 from an int8 .tflite model.

Reading order: ``emit`` is the entry. ``lowering`` turns the graph into kernel calls with
``constant_folding``, ``shapes``, ``linear``, ``elementwise``, ``movement`` and ``lookup_tables``; ``rewrite``
makes the calls fewer. ``memory`` and ``arena`` place the activations, ``template_view`` prepares the text of
the templates. ``frontend_config`` and ``self_test_vectors`` write the files beside the network.
"""
