"""Painters that denoise on a GPU: how any picture becomes passes of a few sizes, and the models that run them."""
