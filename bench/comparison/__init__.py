"""The worker beside what people would pick instead: ``python -m bench.compare --help``."""
