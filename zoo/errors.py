"""Every error a user can see: what is wrong, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class ZooError(Exception):
    """Base of all errors that are the user's to mend.

    Args:
        what: one sentence that says what is wrong.
        where: the file, key, row or component it was found in.
        next_step: what the user can do about it.
    """

    def __init__(self, what: str, *, where: object = None, next_step: str | None = None):
        self.what = what
        self.where = None if where is None else str(where)
        self.next_step = next_step
        super().__init__(what, where, next_step)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.next_step:
            lines.append(f"  next:  {self.next_step}")
        return "\n".join(lines)

    def __reduce__(self):  # crosses process boundaries whole
        return _rebuild, (type(self), self.what, self.where, self.next_step)


def _rebuild(kind: type[ZooError], what: str, where: str | None, next_step: str | None) -> ZooError:
    error = kind.__new__(kind)
    ZooError.__init__(error, what, where=where, next_step=next_step)
    return error


class ConfigError(ZooError):
    """A config, or an override of it, is wrong. One error reports every mistake found."""

    @classmethod
    def from_mistakes(cls, mistakes: Sequence[str], *, where: object, next_step: str | None = None) -> ConfigError:
        """One error out of ``mistakes`` (one line each, at least one)."""
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''} in the config:"
        return cls("\n".join([count, *(f"  - {mistake}" for mistake in mistakes)]), where=where, next_step=next_step)


class UnknownComponent(ConfigError):
    """A name that no registry holds."""


class PluginError(ZooError):
    """A plugin, or one of its components, could not be loaded."""


class DataError(ZooError):
    """A corpus, a manifest, a feature store or a split cannot be used as it is."""


class MediaError(ZooError):
    """A media file cannot be decoded, or breaks a limit. ``status`` names the reason in a word."""

    def __init__(self, what: str, *, where: object = None, next_step: str | None = None, status: str = "decode_error"):
        super().__init__(what, where=where, next_step=next_step)
        self.status = status

    def __reduce__(self):
        return _rebuild_media, (self.what, self.where, self.next_step, self.status)


def _rebuild_media(what: str, where: str | None, next_step: str | None, status: str) -> MediaError:
    return MediaError(what, where=where, next_step=next_step, status=status)


class CheckpointError(ZooError):
    """A checkpoint is broken, unsafe, of another architecture, or cannot be written."""


class WorkDirError(ZooError):
    """A work directory is owned by another run or cannot be written."""


class LaunchError(ZooError):
    """Worker processes could not be started, or one of them failed."""


class TrainingError(ZooError):
    """Training cannot go on, for example because the loss is not finite."""


class MissingDependency(ZooError):
    """An optional package or a system library is needed and absent."""

    @classmethod
    def extra(cls, package: str, extra: str, *, where: object = None, alone: bool = False) -> MissingDependency:
        """The error for ``package``, which the optional ``extra`` of this distribution installs.

        Args:
            package, extra: names.
            where: what needs it.
            alone: the extra brings only what the package needs; itself it is installed without its own requirements.
        """
        command = f'pip install "deepfake-zoo[{extra}]"' + (f" && pip install --no-deps {package}" if alone else "")
        return cls(f"{package} is not installed.", where=where, next_step=f"Run: {command}")


def did_you_mean(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """`` Did you mean 'x' or 'y'?`` for the names of ``known`` nearest to ``name``; empty when none is near."""

    from difflib import SequenceMatcher

    def likeness(other: str) -> float:
        return SequenceMatcher(None, name.lower(), other.lower()).ratio()

    ranked = sorted(((likeness(other), other) for other in known), key=lambda pair: (-pair[0], pair[1]))[:most]
    near = [other for score, other in ranked if score >= max(0.6, ranked[0][0] - 0.1)]
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
