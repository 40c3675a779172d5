"""What tests of several rooms share."""

import fresh_environment as environments
import pytest


@pytest.fixture(scope="session")
def fresh_environment(tmp_path_factory):
    """A new environment with the wheel of zoo (see `FreshEnvironment`); a test uninstalls what it installs there."""
    return environments.make(tmp_path_factory.mktemp("fresh"))
