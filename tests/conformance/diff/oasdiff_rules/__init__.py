"""The published rules of oasdiff, each with a change that it is about and what `outpaint contract diff` makes of it."""
