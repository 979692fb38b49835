"""How fast the whole worker is, and what an event costs it: ``python -m bench --help``."""
