"""Three branches of base size trained as one: cross-modal, audio-only and visual-only; hidden 768, 4 layers, 8 heads.

The cross-modal branch is xmodal_base, and the others have its widths and depth. Beside the fused logit every branch has
its own loss, the one that it has alone, weighed 0.3, 0.2 and 0.2. Other ways to fuse are other parts in
`unimodal_fusion` and `fusion`: ConcatFusion puts two streams side by side, WeightedFusion takes their mean by scalars,
GatedFusion one by channel, and in CrossAttentionFusion they attend to each other.
"""

_base_ = "xmodal_base.py"

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
    unimodal_fusion=dict(type="ConcatFusion", in_channels=768, dropout=0.1),
    fusion=dict(type="ConcatFusion", in_channels=768, dropout=0.1),
    head={{_base_.model.head}},
    loss={{_base_.model.loss.terms.bce}},
)
