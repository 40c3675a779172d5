# How every run behaves: what is logged, saved, guarded and shown.
default_scope = "zoo"
default_hooks = dict(
    owner=dict(type="WorkDirOwner"),
    guard=dict(type="NonFiniteGuard", max_skips=0),
    param_scheduler=dict(type="ParamSchedulerHook"),
    monitor=dict(type="TrainingMonitor", interval=10),
    pictures=dict(type="EvaluationPictures"),
    report=dict(type="ProgressReport"),
    summary=dict(type="RunSummary"),
    draws=dict(type="DrawCounts"),
    checkpoint=dict(type="SaveCheckpoint", interval=1, keep_last=2, save_best="video/macro_f1", rule="greater"),
    signals=dict(type="SignalHandler"),
)
val_evaluator = dict(type="ForgeryMetric")
test_evaluator = dict(type="ForgeryMetric")
visualizer = dict(
    type="Visualizer",
    vis_backends=[dict(type="LocalVisBackend"), dict(type="TensorboardVisBackend")],
)
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0))
randomness = dict(seed=0, deterministic=False)
log_level = "INFO"
launcher = "none"
load_from = None
resume = False
