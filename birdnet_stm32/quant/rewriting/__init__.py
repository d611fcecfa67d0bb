"""Function-preserving rewrites of trained networks, made before int8 rounds them."""
