"""Ensembles that a config composes: their members at work, what is fitted on them, and the artefact of both."""
