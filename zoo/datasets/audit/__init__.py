"""Audits of splits: what a test would know from training, and the guard that refuses to train on it."""

from zoo.datasets.audit.guard import require_clean
from zoo.datasets.audit.leaks import audit
from zoo.datasets.audit.report import LeakReport

__all__ = ["LeakReport", "audit", "require_clean"]
