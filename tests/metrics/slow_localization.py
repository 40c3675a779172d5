"""The figures of localization reckoned the plain way, one proposal after another: what the fast ones must agree with.

Written from the definitions, with lists and loops; nothing here comes from the package.
"""

import numpy as np

THRESHOLDS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


def tiou(a, b):
    shared = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / ((a[1] - a[0]) + (b[1] - b[0]) - shared)


def tiou_single(a, b):
    f = np.float32
    inner = max(f(min(f(a[1]), f(b[1]))) - f(max(f(a[0]), f(b[0]))), f(0))
    return f(inner) / (f(max(f(a[1]), f(b[1]))) - f(min(f(a[0]), f(b[0]))))


def corrected(proposals, truths, recall_at):
    """For each video a list of proposals (start, end, score), and one of truths (start, end)."""
    n_truths = sum(map(len, truths))
    ap = {}
    for threshold in THRESHOLDS:
        hits_and_misses = []
        for mine, true in zip(proposals, truths, strict=True):
            free = set(range(len(true)))
            for start, end, score in sorted(mine, key=lambda p: (-p[2], p[0], p[1])):
                best = None
                for t in sorted(free):
                    overlap = tiou((start, end), true[t])
                    if overlap >= threshold - 1e-9 and (best is None or overlap > tiou((start, end), true[best])):
                        best = t
                free.discard(best)
                hits_and_misses.append((score, best is not None))
        area, before = 0.0, 0
        for level in sorted({score for score, _ in hits_and_misses}, reverse=True):
            called = [hit for score, hit in hits_and_misses if score >= level]
            area += sum(called) / len(called) * (sum(called) - before) / n_truths
            before = sum(called)
        ap[threshold] = area
    ar = {}
    for n in recall_at:
        found = 0
        for mine, true in zip(proposals, truths, strict=True):
            best = sorted(mine, key=lambda p: (-p[2], p[0], p[1]))[:n]
            for threshold in THRESHOLDS:
                found += sum(any(tiou(p, t) >= threshold - 1e-9 for p in best) for t in true)
        ar[n] = found / n_truths / len(THRESHOLDS)
    return ap, ar


def reference(proposals, truths, recall_at):
    """Of equal scores the first goes first, over all videos."""
    n_truths = sum(map(len, truths))
    ap = {}
    for threshold in THRESHOLDS:
        hits_and_misses = []
        for mine, true in zip(proposals, truths, strict=True):
            mine = sorted(mine, key=lambda p: -p[2])
            used = []
            for t in true:
                for j, p in enumerate(mine):
                    if tiou_single(p, t) > np.float32(threshold) and j not in used:
                        used.append(j)
                        break
            hits_and_misses += [(p[2], j in used) for j, p in enumerate(mine)]
        hits_and_misses.sort(key=lambda row: -row[0])
        recall, precision, hits = [], [], 0
        for k, (_, hit) in enumerate(hits_and_misses):
            hits += hit
            recall.append(hits / n_truths)
            precision.append(hits / (k + 1))
        area = 0.0
        for k in range(1, len(recall)):  # the step to recall[0] is left out
            area += (recall[k] - recall[k - 1]) * max(precision[k:])
        ap[threshold] = area
    ar = {}
    for n in recall_at:
        recalls = []
        for threshold in THRESHOLDS:
            found = missed = 0
            for mine, true in zip(proposals, truths, strict=True):
                best = sorted(mine, key=lambda p: -p[2])[:n]
                if not best:
                    continue
                here = sum(max(tiou_single(p, t) for p in best) > np.float32(threshold) for t in true)
                found, missed = found + here, missed + len(true) - here
            recalls.append(found / (found + missed) if found + missed else 0.0)
        ar[n] = sum(recalls) / len(recalls)
    return ap, ar
