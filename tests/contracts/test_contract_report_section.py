"""The sections that zoo brings to a report stand alone, whatever the run has."""

from zoo.plugins.builtin import zoo_report_sections
from zoo.testing import check_report_section


def test_promise_is_kept():
    check_report_section(zoo_report_sections)
