"""What `zoo` itself brings, offered through the hooks that plugins use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo.plugins.specs import Command, Component, Section, hookimpl

_COMPONENTS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    # kind: (name, target inside zoo, summary)
    "detector": (
        (
            "CrossModalTransformer",
            "detectors.cross_modal_transformer:CrossModalTransformer",
            "does the sound belong to the picture: attention across both, a transformer along time",
        ),
        (
            "UnimodalTransformer",
            "detectors.unimodal_transformer:UnimodalTransformer",
            "the control that sees the picture only or hears the sound only",
        ),
        (
            "DualBranchDetector",
            "detectors.dual_branch:DualBranchDetector",
            "one face crop, its pixels and their frequencies in two branches",
        ),
        (
            "ClipDetector",
            "detectors.clip_detector:ClipDetector",
            "a clip of face crops: an image backbone a frame, a transformer along time",
        ),
        ("ImageDetector", "detectors.image_detector:ImageDetector", "one face crop, any image backbone"),
        (
            "JointTransformer",
            "detectors.joint_transformer:JointTransformer",
            "cross-modal, audio-only and visual-only transformers trained as one, each with a loss of its own",
        ),
        (
            "DetectorEnsemble",
            "detectors.detector_ensemble:DetectorEnsemble",
            "detectors that take the same input, as one: the mean of their logits or probabilities",
        ),
    ),
    "backbone": (
        (
            "FeatureProjection",
            "backbones.projection:FeatureProjection",
            "stored features to the model's width: linear, layer norm, dropout",
        ),
        (
            "TemporalTransformer",
            "backbones.temporal_transformer:TemporalTransformer",
            "a transformer along time, with or without positions",
        ),
        (
            "FrequencyBackbone",
            "backbones.frequency:FrequencyBackbone",
            "any image backbone on a transform of the pixels",
        ),
        ("TimmBackbone", "backbones.timm:TimmBackbone", "any image model of timm"),
    ),
    "frequency_transform": (
        ("BlockDCT", "backbones.frequencies.block_dct:BlockDCT", "log energy of the DCT of small windows, by band"),
        (
            "FrequencyDecomposition",
            "backbones.frequencies.decomposition:FrequencyDecomposition",
            "the colours by frequency band, with borders that are learnt",
        ),
        ("LogAmplitude", "backbones.frequencies.log_amplitude:LogAmplitude", "log amplitudes of the Fourier transform"),
        ("PhaseSpectrum", "backbones.frequencies.phase:PhaseSpectrum", "the colours, and what phases alone show"),
        ("SRMResiduals", "backbones.frequencies.srm:SRMResiduals", "noise residuals of the spatial rich model"),
    ),
    "tuning": (
        ("LoRA", "backbones.tunings.lora:LoRA", "low-rank sums to linear layers, the rest frozen"),
        ("NormTuning", "backbones.tunings.norms:NormTuning", "norms alone, the rest frozen"),
    ),
    "fusion": (
        ("ConcatFusion", "fusion.concat:ConcatFusion", "two aligned streams side by side, mapped to one"),
        ("GatedFusion", "fusion.gated:GatedFusion", "two aligned streams to one, weighed channel by channel"),
        ("WeightedFusion", "fusion.weighted:WeightedFusion", "two aligned streams to one, weighed by a scalar"),
        (
            "CrossAttentionFusion",
            "fusion.cross_attention:CrossAttentionFusion",
            "two aligned streams to one by attention across them",
        ),
        (
            "LaggedSimilarity",
            "fusion.lagged_similarity:LaggedSimilarity",
            "how alike picture and sound are, frame by frame and lag by lag",
        ),
    ),
    "head": (
        ("ClassificationHead", "heads.classification:ClassificationHead", "mean plus max over time to one fake logit"),
        ("EmbeddingHead", "heads.embedding:EmbeddingHead", "unit vectors in which sound and picture are compared"),
        (
            "LocalizationHead",
            "heads.localization:LocalizationHead",
            "where in time a clip is fake: frames, boundaries, segments",
        ),
    ),
    "loss": (
        (
            "BinaryCrossEntropyLoss",
            "losses.bce:BinaryCrossEntropyLoss",
            "binary cross-entropy with label smoothing and a weight for fakes",
        ),
        ("BoundaryLoss", "losses.boundary:BoundaryLoss", "cross-entropy of where segments start and end"),
        ("CombinedLoss", "losses.combined:CombinedLoss", "named losses in a weighted sum"),
        (
            "DistanceIoULoss",
            "losses.distance_iou:DistanceIoULoss",
            "how well proposed segments cover the true ones",
        ),
        ("FocalLoss", "losses.focal:FocalLoss", "cross-entropy that fades for clips already judged well"),
        (
            "FrameFocalLoss",
            "losses.frame_focal:FrameFocalLoss",
            "focal loss or cross-entropy frame by frame",
        ),
        (
            "FrameInfoNCELoss",
            "losses.info_nce:FrameInfoNCELoss",
            "each frame's picture finds its sound among the clip's frames",
        ),
        (
            "InfoNCELoss",
            "losses.info_nce:InfoNCELoss",
            "each clip's picture finds its sound among all clips of the batch",
        ),
        (
            "SegmentContrastLoss",
            "losses.segment_contrast:SegmentContrastLoss",
            "picture and sound alike where genuine, apart where one is forged",
        ),
        ("SmoothnessLoss", "losses.smoothness:SmoothnessLoss", "frame logits that do not flicker"),
        ("SoftMacroF1Loss", "losses.soft_f1:SoftMacroF1Loss", "one minus the macro-F1 of probabilities"),
    ),
    "face_detector": (
        ("FallbackDetector", "faces.fallback:FallbackDetector", "a chain: the next is asked where one finds nothing"),
        ("MediaPipeDetector", "faces.mediapipe:MediaPipeDetector", "BlazeFace: the fastest, for faces that are large"),
        ("MTCNNDetector", "faces.mtcnn:MTCNNDetector", "three cascaded networks, weights in the package"),
        ("RetinaFaceDetector", "faces.retinaface:RetinaFaceDetector", "one network for all sizes, on ONNX Runtime"),
    ),
    "embedder": (
        ("FaceNetEmbedder", "features.facenet:FaceNetEmbedder", "FaceNet identity embeddings of face cuts, 512-d"),
        ("LogMel", "features.log_mel:LogMel", "64 log-mel bands at 8 instants of every video frame"),
        ("MouthPixels", "features.mouth:MouthPixels", "32 x 16 grey pixels around the tracked mouth"),
        ("SpeechEmbedder", "features.speech:SpeechEmbedder", "wav2vec 2.0 or HuBERT states through torchaudio, 512-d"),
        (
            "TimmEmbedder",
            "features.timm_embedder:TimmEmbedder",
            "any timm image model on face cuts, projected to 512-d",
        ),
    ),
    "corpus": (
        ("AVDeepfake1M", "datasets.corpora.avdeepfake1m:AVDeepfake1M", "reader of AV-Deepfake1M"),
        ("CelebDF", "datasets.corpora.celebdf:CelebDF", "reader of Celeb-DF v2"),
        ("DF40", "datasets.corpora.df40:DF40", "reader of DF40, videos and frames"),
        ("DFDC", "datasets.corpora.dfdc:DFDC", "reader of DFDC, whole or in the form of Kaggle"),
        ("DFDCPreview", "datasets.corpora.dfdc_preview:DFDCPreview", "reader of the DFDC preview"),
        ("DeepFakeDetection", "datasets.corpora.deepfakedetection:DeepFakeDetection", "reader of DFD"),
        ("FaceForensics", "datasets.corpora.faceforensics:FaceForensics", "reader of FaceForensics++"),
        ("FakeAVCeleb", "datasets.corpora.fakeavceleb:FakeAVCeleb", "reader of FakeAVCeleb v1.2"),
        ("ImageFolder", "datasets.corpora.image_folder:ImageFolder", "any folder of pictures in real/ and fake/"),
        ("LAVDF", "datasets.corpora.lavdf:LAVDF", "reader of LAV-DF"),
        (
            "VideoFolder",
            "datasets.corpora.video_folder:VideoFolder",
            "any folder of videos, labelled real/ and fake/ or not",
        ),
        ("WildDeepfake", "datasets.corpora.wilddeepfake:WildDeepfake", "reader of WildDeepfake, inside its archives"),
    ),
    "replica": (
        ("CelebDFReplica", "datasets.replica.celebdf:CelebDFReplica", "synthetic stand-in for Celeb-DF v2"),
        ("DFDCReplica", "datasets.replica.dfdc:DFDCReplica", "synthetic stand-in for DFDC, with sound"),
        ("DFDReplica", "datasets.replica.dfd:DFDReplica", "synthetic stand-in for DeepFakeDetection"),
        (
            "FaceForensicsReplica",
            "datasets.replica.faceforensics:FaceForensicsReplica",
            "synthetic stand-in for FaceForensics++, with splits and masks",
        ),
        ("FakeAVCelebReplica", "datasets.replica.fakeavceleb:FakeAVCelebReplica", "synthetic stand-in for the corpus"),
        ("LAVDFReplica", "datasets.replica.lavdf:LAVDFReplica", "synthetic stand-in for LAV-DF, words forged"),
        (
            "WildDeepfakeReplica",
            "datasets.replica.wilddeepfake:WildDeepfakeReplica",
            "synthetic stand-in for WildDeepfake, archives of faces",
        ),
    ),
    "dataset": (
        ("ClipDataset", "datasets.clips:ClipDataset", "several moments of one face as one sample"),
        ("CropDataset", "datasets.crops:CropDataset", "face crops of manifests; splits that leak are refused"),
        (
            "SelfBlendedCrops",
            "datasets.self_blended:SelfBlendedCrops",
            "real face crops, and each of them blended with itself as a fake",
        ),
        ("FeatureDataset", "datasets.features:FeatureDataset", "clips of a feature store or npz tree"),
        (
            "ForeignSoundDataset",
            "datasets.foreign_sound:ForeignSoundDataset",
            "control: clips of a feature store with the sounds of others",
        ),
    ),
    "transform": (
        ("TemporalJitter", "datasets.transforms.temporal:TemporalJitter", "shift the window by a few frames"),
        ("RandomTemporalCrop", "datasets.transforms.temporal:RandomTemporalCrop", "keep a random part of the window"),
        ("FeatureDropout", "datasets.transforms.dropout:FeatureDropout", "zero random frames or dimensions"),
        ("ModalityDropout", "datasets.transforms.dropout:ModalityDropout", "hide one of the two modalities"),
        (
            "Albumentations",
            "datasets.transforms.albumentation:Albumentations",
            "operations of albumentations on pictures",
        ),
        (
            "AugmentationPreset",
            "datasets.transforms.presets:AugmentationPreset",
            "augmentation of pictures by name: guide, strong or none",
        ),
        (
            "BackgroundOnly",
            "datasets.transforms.controls:BackgroundOnly",
            "control: all of a crop hidden but its frame",
        ),
        ("MaskedFace", "datasets.transforms.controls:MaskedFace", "control: an ellipse in a crop's middle hidden"),
    ),
    "mixer": (
        ("BalancedMixer", "datasets.mixers.balanced:BalancedMixer", "corpora, classes or methods equally often"),
        ("ProportionalMixer", "datasets.mixers.proportional:ProportionalMixer", "every sample equally often"),
        (
            "TemperatureMixer",
            "datasets.mixers.temperature:TemperatureMixer",
            "between the cells' proportions and equal shares",
        ),
        ("WeightedMixer", "datasets.mixers.weighted:WeightedMixer", "shares stated by corpus, label and method"),
    ),
    "sampler": (
        ("EpochSampler", "datasets.samplers.epoch:EpochSampler", "every sample once an epoch, shuffled"),
        ("MixSampler", "datasets.samplers.mix:MixSampler", "corpora, classes and methods as a mixer says"),
        ("SequentialSampler", "datasets.samplers.sequential:SequentialSampler", "every sample exactly once, in order"),
    ),
    "metric": (
        ("ForgeryMetric", "metrics.forgery:ForgeryMetric", "AUC, AP, EER, macro-F1 and more, by video and by sample"),
        (
            "LocalizationMetric",
            "metrics.localization_metric:LocalizationMetric",
            "average precision and recall of proposed segments, AUC and F1 of frames",
        ),
    ),
    "hook": (
        (
            "ActivationCheckpointing",
            "engine.hooks.activation_checkpointing:ActivationCheckpointing",
            "less memory: submodules recompute activations in the backward pass",
        ),
        (
            "DrawCounts",
            "engine.hooks.draws:DrawCounts",
            "draws an epoch by corpus, class and method: announced, and counted",
        ),
        ("EarlyStopping", "engine.hooks.early_stopping:EarlyStopping", "stop when evaluations no longer get better"),
        (
            "EvaluationPictures",
            "engine.hooks.pictures:EvaluationPictures",
            "ROC curve and score histogram of each evaluation in TensorBoard",
        ),
        (
            "ExponentialMovingAverage",
            "engine.hooks.ema:ExponentialMovingAverage",
            "averaged weights for evaluation and publishing",
        ),
        ("NonFiniteGuard", "engine.hooks.nonfinite:NonFiniteGuard", "no update by a NaN or infinite loss or gradient"),
        ("ProgressReport", "engine.hooks.progress:ProgressReport", "a progress bar, and a line an epoch"),
        ("RunSummary", "engine.hooks.summary:RunSummary", "what is about to be trained, at the start"),
        (
            "SaveCheckpoint",
            "engine.hooks.checkpointing:SaveCheckpoint",
            "checkpoints to resume from, and the best weights",
        ),
        ("SignalHandler", "engine.hooks.signals:SignalHandler", "checkpoint and exit on SIGTERM or SIGUSR1"),
        ("TrainingMonitor", "engine.hooks.monitor:TrainingMonitor", "curves of losses, rate, gradient and throughput"),
        ("WorkDirOwner", "engine.hooks.owner:WorkDirOwner", "one run a work directory; a second is refused"),
    ),
    "loop": (
        ("EpochTrainLoop", "engine.loops:EpochTrainLoop", "train by epochs, evaluating in between"),
        ("EvaluationLoop", "engine.loops:EvaluationLoop", "evaluate on the validation data"),
        ("TestingLoop", "engine.loops:TestingLoop", "evaluate on the test data"),
    ),
    "optim_wrapper": (
        (
            "PrecisionOptimWrapper",
            "engine.optim:PrecisionOptimWrapper",
            "autocast, accumulation, gradient norm and clipping, on CPU and GPU",
        ),
    ),
    "precision": (
        (
            "PrecisionPolicy",
            "engine.precision:PrecisionPolicy",
            "bf16 where the device has it, channels last, what is slow in bf16 stays in float32",
        ),
    ),
    "model_wrapper": (
        ("DistributedDetector", "engine.distributed:DistributedDetector", "gradients averaged over ranks, GPU or CPU"),
    ),
    "collate": (
        ("collate_clips", "datasets.collate:collate_clips", "clips of face crops to one batch"),
        ("collate_crops", "datasets.collate:collate_crops", "face crops to one batch, channels last"),
        ("collate_features", "datasets.collate:collate_features", "clips to one padded batch"),
    ),
    "backend": (
        ("TorchBackend", "inference.backends.torch:TorchBackend", "PyTorch as it is, channels last"),
        (
            "OnnxRuntimeBackend",
            "inference.backends.onnxruntime:OnnxRuntimeBackend",
            "ONNX Runtime: the fastest in float32 on a CPU, equal logits",
        ),
    ),
    "visualizer": (),
    "combiner": (
        ("LogitMeanCombiner", "ensembles.combiners.logit:LogitMeanCombiner", "the mean of the members' logits"),
        ("MeanCombiner", "ensembles.combiners.mean:MeanCombiner", "the mean of the members' scores"),
        (
            "RankMeanCombiner",
            "ensembles.combiners.rank:RankMeanCombiner",
            "the mean of the members' ranks among validation videos",
        ),
        (
            "StackingCombiner",
            "ensembles.combiners.stacking:StackingCombiner",
            "logistic regression on the members' logits, cross-validated",
        ),
        (
            "WeightedMeanCombiner",
            "ensembles.combiners.weighted:WeightedMeanCombiner",
            "a weighted mean, weights given or fitted by log loss",
        ),
    ),
    "calibrator": (
        ("IsotonicCalibrator", "ensembles.calibrators.isotonic:IsotonicCalibrator", "any rising function of a score"),
        ("PlattCalibrator", "ensembles.calibrators.platt:PlattCalibrator", "logits stretched and shifted"),
        ("TemperatureCalibrator", "ensembles.calibrators.temperature:TemperatureCalibrator", "logits over one number"),
    ),
}

_COMMANDS: tuple[tuple[str, str, str], ...] = (
    # name, target inside zoo, summary
    (
        "audit",
        "cli.audit:main",
        "what crosses the splits of crop manifests: people, sources, families, near duplicates",
    ),
    ("combine", "cli.combine:main", "predictions files of several members to one of their ensemble"),
    ("demo", "cli.demo:main", "from nothing to a trained detector and its report, on synthetic data"),
    ("demo-controls", "cli.demo_controls:main", "the demo's claims over several seeds, with controls"),
    ("localize-controls", "cli.localize_controls:main", "what localization finds over several seeds, with controls"),
    ("convert", "cli.convert:main", "import a checkpoint of another program"),
    ("pack-features", "cli.pack_features:main", "an npz tree of features as a packed store"),
    ("doctor", "cli.doctor:main", "what this machine has, or what is in a corpus: zoo doctor data PATH"),
    (
        "ensemble-controls",
        "cli.ensemble_controls:main",
        "what an ensemble gains over its best member, over several seeds",
    ),
    ("evaluate", "cli.evaluate:main", "figures of saved predictions with intervals, and what is wrong with them"),
    ("extract-features", "cli.extract_features:main", "a folder of videos to a feature store"),
    ("infer", "cli.infer:main", "pictures, crops or raw videos to a submission, with a trained detector"),
    ("localize", "cli.localize:main", "raw videos to the stretches of time in which they are fake"),
    ("info", "cli.info:main", "a component's kind, origin, signature and configs"),
    ("list", "cli.list_components:main", "the components at hand, by kind"),
    ("new-plugin", "cli.new_plugin:main", "write a plugin package, ready to install and to test"),
    ("preprocess", "cli.preprocess:main", "a corpus to face crops and their manifest"),
    ("publish", "cli.publish:main", "the portable form of a checkpoint, .pth or .safetensors"),
    ("report", "cli.report:main", "a run's figures and curves as one HTML page"),
    ("shortcuts", "cli.shortcuts:main", "what trivial properties of a corpus's files give away, beside a detector"),
    ("test", "cli.test:main", "evaluate a checkpoint: figures, predictions"),
    ("train", "cli.train:main", "train a detector on one or several ranks"),
    ("make-replica", "cli.make_replica:main", "write a synthetic stand-in for a corpus"),
    ("visual-controls", "cli.visual_controls:main", "what small detectors of crops reach on unseen people"),
)


@hookimpl
def zoo_components() -> Iterator[Component]:
    for kind, rows in _COMPONENTS.items():
        for name, target, summary in rows:
            yield Component(kind, name, f"zoo.{target}", summary)


@hookimpl
def zoo_commands() -> Iterator[Command]:
    for name, target, summary in _COMMANDS:
        yield Command(name, f"zoo.{target}", summary)


@hookimpl
def zoo_report_sections(run: object) -> Iterator[Section]:
    from zoo.plugins.manager import load_target  # the manager imports this module

    yield from load_target("zoo.report.build:built_in_sections")(run)  # type: ignore[operator]


@hookimpl
def zoo_config_dirs() -> Mapping[str, Path]:
    package = Path(__file__).resolve().parents[1]
    installed = package / "_configs"
    return {"zoo": installed if installed.is_dir() else package.parent / "configs"}
