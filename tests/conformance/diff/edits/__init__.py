"""Single edits of our own document, each with the verdict and the rules that a client's author would expect."""
