"""What runs a trained detector of pictures: PyTorch itself, or a graph made of it."""
