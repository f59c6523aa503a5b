"""SqueezeNet's view of images; skipped where its weights are not at hand."""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
import torch

from artfp import perceptual
from artfp.errors import BadInputError, UsageError
from artfp.files import sha256_file
from artfp.perceptual import INCEPTION_WEIGHTS, WEIGHTS, Inception, Perceptual, inception_path, what_is_missing

SHARED = Path(__file__).parents[2] / "shared" / "data" / "squeezenet1_1" / "squeezenet1_1.pth"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SqueezeNet's weights where torch.hub looks for them."""
    if not SHARED.is_file():
        pytest.skip("needs SqueezeNet's weights, which the project does not carry")
    if find_spec("lpips") is None:
        pytest.skip("needs the extra `quality`")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / WEIGHTS).symlink_to(SHARED)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def test_distances_are_none_to_itself_and_grow_with_damage(weights: None) -> None:
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    near, far = ((images + step * torch.randn_like(images)).clamp(0, 1) for step in (0.02, 0.2))
    seen = Perceptual()
    assert seen.distances(images, images).tolist() == [0, 0, 0]
    assert (seen.distances(images, near) < seen.distances(images, far)).all()
    assert (seen.distances(images, near) > 0).all()


def test_the_heads_are_the_published_ones_on_imagenets_network(weights: None) -> None:
    """The LPIPS package, left alone, scales images by its own constants and would fetch the same weights."""
    ours = Perceptual()
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        theirs = lpips.LPIPS(net="squeeze", verbose=False)
    one, two = torch.rand(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(1)).unbind()
    expected = theirs(2 * one - 1, 2 * two - 1).flatten()
    assert torch.allclose(ours.distances(one, two), expected, atol=1e-6)


def test_features_are_512_numbers_an_image_of_any_size(weights: None) -> None:
    assert Perceptual().features(torch.rand(2, 3, 32, 48)).shape == (2, 512)


def test_without_weights_the_file_and_its_place_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert WEIGHTS in str(what_is_missing())
    assert str(tmp_path) in str(what_is_missing())
    with pytest.raises(UsageError, match=WEIGHTS):
        Perceptual()


def test_damaged_weights_and_small_images_are_told(weights: None, tmp_path: Path) -> None:
    assert "32 pixels" in str(what_is_missing(16))
    (tmp_path / "hub" / "checkpoints" / WEIGHTS).unlink()
    (tmp_path / "hub" / "checkpoints" / WEIGHTS).write_bytes(b"PK")
    with pytest.raises(BadInputError, match="damaged"):
        Perceptual()


def test_another_networks_weights_of_the_same_shape_are_refused(weights: None, tmp_path: Path) -> None:
    path = tmp_path / "hub" / "checkpoints" / WEIGHTS
    path.unlink()
    torch.save(perceptual.import_torchvision().models.squeezenet1_1().state_dict(), path)
    with pytest.raises(BadInputError, match=r"not SqueezeNet's weights.*SHA-256"):
        Perceptual()


def test_without_the_extra_it_is_named(weights: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise ImportError("No module named 'torchvision'")

    monkeypatch.setattr(perceptual, "import_torchvision", absent)
    assert "pip install 'artfp[quality]'" in str(what_is_missing())


class FakeInception:
    """What torch-fidelity's network promises: bytes in, a tuple of the features that were asked for out."""

    def __init__(self, name: str, features: list[str], feature_extractor_weights_path: str) -> None:
        assert (name, features) == ("inception-v3-compat", ["2048"])
        assert Path(feature_extractor_weights_path).is_file()

    def to(self, device: str) -> FakeInception:
        return self

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        assert images.dtype == torch.uint8
        return (images.float().mean(dim=(2, 3)).repeat(1, 683)[:, :2048],)


@pytest.fixture
def inception_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the place and, as far as we look, the hash of the published one."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / INCEPTION_WEIGHTS[1]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    monkeypatch.setattr(perceptual, "KNOWN_INCEPTION", (sha256_file(path)[:8],))
    monkeypatch.setattr(perceptual, "import_torchvision", lambda: None)
    return path


def test_inception_is_fed_bytes_and_gives_2048_numbers(
    inception_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of our side of the seam alone: the network itself is torch-fidelity's, which these tests do without."""
    for name in ("torch_fidelity", "torch_fidelity.feature_extractor_inceptionv3"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules[name].FeatureExtractorInceptionV3 = FakeInception
    assert inception_path() == inception_weights
    seen = Inception(inception_weights)
    assert seen.sha256 == sha256_file(inception_weights)
    found = seen.features(torch.full((2, 3, 32, 48), 128 / 255))
    assert found.shape == (2, 2048)
    assert found.unique().tolist() == [128]


def test_inception_without_its_package_or_with_other_weights_is_told(
    inception_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(UsageError, match="pip install torch-fidelity"):
        Inception(inception_weights)
    monkeypatch.setattr(perceptual, "KNOWN_INCEPTION", ("6726825d",))
    with pytest.raises(BadInputError, match="not Inception's weights"):
        Inception(inception_weights)
    inception_weights.unlink()
    assert inception_path() is None
