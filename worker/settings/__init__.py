"""What :mod:`worker.config` is made of: where values come from, what they may be, what is said when not."""
