"""Pixels: read an upload, turn alpha or mask into a keep map, paint what is open, composite, encode."""
