"""Configs: found by name, loaded, and checked as a whole."""

from zoo.config.checking import cause_of, find_mistakes
from zoo.config.loading import DATA_ROOT_VARIABLE, find_config, load_config, settle_data_root

__all__ = ["DATA_ROOT_VARIABLE", "cause_of", "find_config", "find_mistakes", "load_config", "settle_data_root"]
