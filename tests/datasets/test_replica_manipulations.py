"""Manipulations before any encoder: they change the face, nothing else, and the target keeps its place."""

import numpy as np
import pytest

from zoo.datasets.replica.identity import FRAME, make_face, prepare
from zoo.datasets.replica.manipulations.blending import match_colour
from zoo.datasets.replica.manipulations.reenact import FaceReenactment, MouthReenactment, flatten_light
from zoo.datasets.replica.manipulations.smooth import TextureSmoothing
from zoo.datasets.replica.manipulations.swap import IdentitySwap, through_small
from zoo.datasets.replica.manipulations.within import Within
from zoo.datasets.replica.photos import astronaut
from zoo.datasets.replica.renderer import TalkingHead, draw_pose
from zoo.datasets.replica.shot import Actor, set_up

FRAMES = 5
MANIPULATIONS = {
    "poisson swap": IdentitySwap(seam="poisson"),
    "feathered swap": IdentitySwap(seam="feather"),
    "small swap": IdentitySwap(seam="feather", detail=30),
    "reenactment": MouthReenactment(),
    "rendered reenactment": FaceReenactment(),
    "smoothing": TextureSmoothing(),
    "smoothed reenactment": TextureSmoothing(after=MouthReenactment()),
}


@pytest.fixture(scope="module")
def actors() -> list[Actor]:
    sitter = prepare(astronaut())
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        motion = rng.uniform(0.2, 0.9, (FRAMES, 2)).astype(np.float32)
        pose = draw_pose(frames=FRAMES, fps=25, amount=1.0, rng=rng)
        found.append(Actor(head=TalkingHead(make_face(sitter, rng=rng)), motion=motion, pose=pose))
    return found


def shot_of(actors, *, frame_size=(FRAME, FRAME), head_size=FRAME, bystander=False, away_s=0.0):
    return set_up(
        actors[0],
        frame_size=frame_size,
        head_size=head_size,
        bystander=actors[2] if bystander else None,
        away_s=away_s,
        fps=25,
        rng=np.random.default_rng(9),
    )


def filmed(shot, edit=None) -> tuple[np.ndarray, np.ndarray]:
    pictures, masks = zip(*shot.film(edit), strict=True)
    return np.stack(pictures).astype(np.int16), np.stack(masks)


@pytest.mark.parametrize("name", MANIPULATIONS)
@pytest.mark.parametrize("frame_size, head_size", [((FRAME, FRAME), FRAME), ((480, 270), 200)])
def test_the_mask_covers_what_changed_and_nothing_else_does(name, frame_size, head_size, actors):
    shot = shot_of(actors, frame_size=frame_size, head_size=head_size, bystander=frame_size[0] > FRAME)
    real, none = filmed(shot)
    fake, masks = filmed(shot, MANIPULATIONS[name].on(shot, actors[1]))
    assert real.shape == fake.shape == (FRAMES, *frame_size[::-1], 3) and not none.any()
    assert np.array_equal(real[~masks], fake[~masks])
    for t in range(FRAMES):
        share = (np.abs(real[t] - fake[t]).max(-1) > 0)[masks[t]].mean()
        assert share > 0.4
        assert 0.02 < masks[t].sum() / head_size**2 < 0.3
        left, top, right, bottom = shot.face_box(t)
        rows, columns = np.nonzero(masks[t])
        assert left - 0.12 * head_size < columns.min() and columns.max() < right + 0.12 * head_size
        assert top - 0.05 * head_size < rows.min() and rows.max() < bottom + 0.15 * head_size


def test_a_swap_keeps_the_targets_colours(actors):
    shot = shot_of(actors)
    real, _ = filmed(shot)
    fake, masks = filmed(shot, IdentitySwap(seam="poisson").on(shot, actors[1]))
    drawn, _ = filmed(shot_of([Actor(head=actors[1].head, motion=actors[0].motion, pose=actors[0].pose)] * 3))
    target, swapped, donor = (picture[masks].mean(0) for picture in (real, fake, drawn))
    assert np.abs(swapped - target).max() < 10
    assert np.abs(donor - target).max() > np.abs(swapped - target).max()


def test_a_small_swap_loses_detail_and_leaves_small_faces_alone(actors):
    shot = shot_of(actors)
    sharp, masks = filmed(shot, IdentitySwap(seam="feather").on(shot, actors[1]))
    blurred, _ = filmed(shot, IdentitySwap(seam="feather", detail=30).on(shot, actors[1]))
    inner = masks[:, 1:-1, 1:-1] & masks[:, 2:, 1:-1] & masks[:, :-2, 1:-1]
    edges = [np.abs(np.diff(clip.mean(-1), axis=1))[:, :-1, 1:-1][inner].mean() for clip in (sharp, blurred)]
    assert edges[1] < 0.8 * edges[0]
    face = np.full((20, 20, 3), 7, np.uint8)
    assert through_small(face, rows=200, scale=1.0) is face


def test_reenactment_moves_the_mouth_only_where_motions_differ(actors):
    shot = shot_of(actors)
    real, _ = filmed(shot)
    same, _ = filmed(shot, MouthReenactment().on(shot, actors[0]))
    other, masks = filmed(shot, MouthReenactment().on(shot, actors[1]))
    assert np.abs(same - real).max() <= 40 and np.abs(same - real).mean() < 0.2  # the seam of two roundings
    assert np.abs(other - real)[masks].mean() > 3 * np.abs(same - real)[masks].mean()


def test_a_rendered_face_loses_detail_and_keeps_its_brightness(actors):
    shot = shot_of(actors)
    real, _ = filmed(shot)
    sharp, masks = filmed(shot, FaceReenactment(detail=1000, flattening=0.0).on(shot, actors[0]))
    fake, _ = filmed(shot, FaceReenactment(detail=30, flattening=0.5).on(shot, actors[0]))
    assert np.abs(sharp - real).mean() < 0.5
    assert np.abs(fake[masks].mean() - real[masks].mean()) < 12
    edges = [np.abs(np.diff(clip.mean(-1), axis=1))[masks[:, 1:]].mean() for clip in (sharp, fake)]
    assert edges[1] < 0.85 * edges[0]


def test_light_is_flattened_by_a_share():
    ramp = np.repeat(np.linspace(60, 180, 80)[None, :, None], 80, 0).repeat(3, 2).astype(np.uint8)
    weight = np.ones((80, 80), np.float32)
    half, none = (flatten_light(ramp, weight, sigma=6.0, share=share) for share in (0.5, 0.0))
    assert np.array_equal(none, ramp)
    assert np.ptp(half[40, 10:-10, 0].astype(int)) < 0.7 * np.ptp(ramp[40, 10:-10, 0].astype(int))


def test_a_manipulation_in_some_frames_leaves_the_others(actors):
    shot = shot_of(actors)
    real, _ = filmed(shot)
    edit = Within(manipulation=MouthReenactment(), stretches=((1, 3),)).on(shot, actors[1])
    fake, masks = filmed(shot, edit)
    whole, _ = filmed(shot, MouthReenactment().on(shot, actors[1]))
    assert [bool(mask.any()) for mask in masks] == [False, True, True, False, False]
    assert np.array_equal(fake[[0, 3, 4]], real[[0, 3, 4]]) and np.array_equal(fake[1:3], whole[1:3])


def test_somebody_who_is_away_is_neither_seen_nor_masked(actors):
    frames = 50
    motion, pose = (np.repeat(track[:1], frames, 0) for track in (actors[0].motion, actors[0].pose))
    still = [Actor(head=actors[0].head, motion=motion, pose=pose)] * 3
    shot = shot_of(still, frame_size=(320, 180), head_size=120, away_s=0.6)
    pictures, masks = filmed(shot, IdentitySwap().on(shot, Actor(head=actors[1].head, motion=motion, pose=pose)))
    empty = ~masks.any((1, 2))
    assert 14 <= empty.sum() <= 24 and not empty[0] and not empty[-1]
    for t in np.flatnonzero(empty)[2:-2]:
        assert np.array_equal(pictures[t], shot.background)


def test_the_second_person_stays_genuine_and_beside(actors):
    alone, both = (shot_of(actors, frame_size=(480, 270), head_size=200, bystander=b) for b in (False, True))
    _, masks = filmed(both, IdentitySwap().on(both, actors[1]))
    difference = np.abs(filmed(both)[0] - filmed(alone)[0]).max(-1).max(0)
    assert both.bystander is not None
    middle = both.bystander.left[0] + both.bystander.view.width / 2
    face = both.face_box(0)
    assert abs(middle - (face[0] + face[2]) / 2) > 150
    columns = slice(max(int(middle) - 40, 0), int(middle) + 40)
    assert difference[:, columns].max() > 30  # somebody is there
    assert not masks[:, :, columns].any()


def test_matching_moves_mean_and_spread(actors):
    rng = np.random.default_rng(0)
    one = rng.normal(90, 12, (40, 40, 3)).clip(0, 255).astype(np.uint8)
    other = rng.normal(150, 15, (40, 40, 3)).clip(0, 255).astype(np.uint8)
    matched = match_colour(one, other, np.ones((40, 40), np.float32))
    assert np.abs(matched.mean((0, 1)) - other.mean((0, 1))).max() < 3
    assert match_colour(one, other, np.zeros((40, 40), np.float32)) is one
