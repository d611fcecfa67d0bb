"""Keras layers, the DS-CNN and its training. Imports TensorFlow."""
