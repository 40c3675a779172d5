"""Discovery of components, commands, report sections and config folders, built-in and third-party alike."""

from zoo.plugins.manager import Catalog, PluginRecord, catalog
from zoo.plugins.specs import KINDS, ZOO_API, Command, Component, Section, hookimpl

__all__ = ["KINDS", "ZOO_API", "Catalog", "Command", "Component", "PluginRecord", "Section", "catalog", "hookimpl"]
