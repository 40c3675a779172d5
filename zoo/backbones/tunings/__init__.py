"""Ways to adapt a trained model by few parameters: the others keep their values."""
