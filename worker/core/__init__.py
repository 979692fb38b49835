"""What the worker decides. Pure: inputs and the time come in, effects go out."""
