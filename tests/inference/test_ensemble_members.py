"""Which processes get which devices."""

import os
import queue

import torch

from zoo.inference.ensembles import members


def test_processes_take_the_gpus_that_are_visible(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-5")
    assert members._visible_gpus() == ["3", "GPU-5"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert members._visible_gpus() == ["0", "1"]
    turns = queue.Queue()
    for gpu in ("1", None):
        turns.put(gpu)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "before")
    members._settle(turns, 1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    members._settle(turns, 1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
