"""Read what other stages published, and what the variant names outside the build."""
