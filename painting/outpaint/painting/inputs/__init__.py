"""File formats read without decoding: what a header says, and the file cut down to what its pixels need."""
