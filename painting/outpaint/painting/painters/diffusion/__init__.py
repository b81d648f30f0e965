"""Painters that denoise on a GPU: pictures of any size in passes of a few sizes, and the models that run them."""
