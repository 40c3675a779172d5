"""The demo's cross-modal, audio-only and visual-only detectors in one model: one forward, the mean of their logits.

Trained alone, each by its own config on the same features, they are joined in one checkpoint, which is tested and used
as any other:

    zoo publish cross_modal=work_dirs/xmodal_demo/best.pth audio=work_dirs/audio_only/best.pth \
        visual=work_dirs/visual_only/best.pth members.pth
    python tools/test.py configs/xmodal_members_demo.py members.pth --data-root work_dirs/demo/features

All three can as well be trained at once, each by its own loss:

    python tools/train.py configs/xmodal_members_demo.py --data-root work_dirs/demo/features

Needs under 2 GB of memory and no GPU.
"""

_base_ = ["_base_/models/xmodal_joint_demo.py", "_base_/demo.py"]

model = dict(
    _delete_=True,
    type="DetectorEnsemble",
    members=dict(
        cross_modal={{_base_.model.cross_modal}},
        audio={{_base_.model.audio}},
        visual={{_base_.model.visual}},
    ),
    mean_of="logits",
)
