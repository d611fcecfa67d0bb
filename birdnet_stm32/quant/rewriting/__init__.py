"""Rewrite a float network so that int8 represents it better, without changing the function that it computes.

Read ``network`` (the list of operators) and ``keras_io`` (from Keras and back) first. Each other module is
one technique.
"""
