"""Programs that run one model on different runtimes, for benchmark_runtime.py."""
