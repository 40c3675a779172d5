"""The demo's three branches trained as one, each of xmodal_demo's widths and depth; see xmodal_joint.py."""

_base_ = "xmodal_demo.py"

model = dict(
    _delete_=True,
    type="JointTransformer",
    cross_modal={{_base_.model}},
    audio=dict(
        type="UnimodalTransformer",
        modality="audio",
        projection={{_base_.model.audio_projection}},
        temporal={{_base_.model.temporal}},
        head={{_base_.model.head}},
        loss={{_base_.model.loss.terms.bce}},
    ),
    visual=dict(
        type="UnimodalTransformer",
        modality="visual",
        projection={{_base_.model.visual_projection}},
        temporal={{_base_.model.temporal}},
        head={{_base_.model.head}},
        loss={{_base_.model.loss.terms.bce}},
    ),
    auxiliary_weights=dict(cross_modal=0.3, audio=0.2, visual=0.2),
    unimodal_fusion=dict(type="ConcatFusion", in_channels=128, dropout=0.1),
    fusion=dict(type="ConcatFusion", in_channels=128, dropout=0.1),
    head={{_base_.model.head}},
    loss={{_base_.model.loss.terms.bce}},
)
