from zoo.report.run import Run

__all__ = ["Run"]
