"""Rewrites that let a network compute the same with fewer operations. Each module is one rewrite.

Every rewrite is a pure function and exact: the results stay those of LiteRT's reference kernels, bit by bit.
"""
