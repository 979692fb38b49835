"""What the command line does, one module a command; :mod:`worker.cli` has their names and options."""
