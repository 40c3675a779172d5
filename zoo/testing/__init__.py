"""What each kind of component promises, as checks that the core and plugin authors run over their own.

Every ``check_KIND(component, config)`` builds the component several times as a config would, and raises
`ContractBroken` with what it does wrong. ``component`` is a registered name or a class, ``config`` its arguments in
plain values::

    from zoo.testing import check_backbone, check_plugin

    def test_backbone():
        check_backbone("AcmeResidualNet", {"widths": [8, 16]})

    def test_plugin():
        check_plugin("acme", configs={"AcmeResidualNet": {"widths": [8, 16]}})

Nothing here needs pytest, a network or a corpus.
"""

from zoo.testing.backbone import check_backbone
from zoo.testing.backend import check_backend
from zoo.testing.calibrator import check_calibrator
from zoo.testing.case import ContractBroken
from zoo.testing.combiner import check_combiner
from zoo.testing.command import check_command
from zoo.testing.component import check_component
from zoo.testing.corpus import check_corpus
from zoo.testing.dataset import check_dataset
from zoo.testing.detector import check_detector
from zoo.testing.face_detector import check_face_detector
from zoo.testing.frequency_transform import check_frequency_transform
from zoo.testing.fusion import check_fusion
from zoo.testing.head import check_head
from zoo.testing.loss import check_loss
from zoo.testing.metric import check_metric
from zoo.testing.mixer import check_mixer
from zoo.testing.plugin import check_plugin
from zoo.testing.ranks import check_ranks
from zoo.testing.report_section import check_report_section

__all__ = [
    "ContractBroken",
    "check_backbone",
    "check_backend",
    "check_calibrator",
    "check_combiner",
    "check_command",
    "check_component",
    "check_corpus",
    "check_dataset",
    "check_detector",
    "check_face_detector",
    "check_frequency_transform",
    "check_fusion",
    "check_head",
    "check_loss",
    "check_metric",
    "check_mixer",
    "check_plugin",
    "check_ranks",
    "check_report_section",
]
