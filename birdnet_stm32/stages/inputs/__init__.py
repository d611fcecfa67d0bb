"""Read what other stages published, and the files outside the build that the variant names."""
