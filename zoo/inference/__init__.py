"""Trained detectors at work: pictures and videos to scores."""
