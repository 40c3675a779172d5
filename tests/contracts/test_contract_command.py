"""Every built-in command explains itself and refuses what it does not know."""

import pytest

from zoo.plugins import catalog
from zoo.testing import check_command


@pytest.mark.parametrize("name", [name for name, item in catalog().commands.items() if item.target.startswith("zoo.")])
def test_promise_is_kept(name):
    check_command(name)
