"""The published form of a detector, as a run would write it."""

from zoo.engine.checkpoint import PUBLISHED, VERSION, publish


def published(model, config, path):
    return publish(
        {
            "format": PUBLISHED,
            "version": VERSION,
            "state_dict": model.state_dict(),
            "architecture": config,
            "labels": {"real": 0, "fake": 1},
            "provenance": {},
            "metrics": {},
            "epoch": 1,
            "iteration": 1,
            "zoo_version": "0",
        },
        path,
    )
