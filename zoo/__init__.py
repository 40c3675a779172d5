"""A plugin-registry model zoo for deepfake detection: images, video and audio-visual."""
