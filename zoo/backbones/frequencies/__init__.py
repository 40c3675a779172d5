"""Transforms of pixels [b, 3, h, w] in [0, 1] to maps of what they hold at which frequency."""
