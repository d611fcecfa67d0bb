"""Compute the network's input from samples. The NumPy code here is the reference for the C code.

Read the modules in this order: ``contract`` (what a model is fed), ``spectrogram`` (how it is computed),
``mixer`` (float layers before an int8 network), ``labels``, ``config_versions`` (what older configurations
leave out), ``reference_vectors`` (values to test another implementation with).
"""
