"""Networks that compute the same with less: each module is one rewrite, each rewrite a pure function.

Every rewrite is exact: the numbers of what remains are those of LiteRT's reference kernels, bit by bit.
"""
