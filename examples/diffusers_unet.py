"""Train a small diffusers U-Net on a marked dataset with DDPM's loss, and save a pipeline that artfp samples.

    pip install -c constraints.txt -e '.[diffusers]'
    artfp embed-dataset photos32/ marked/ --key studio          # squares of 32 pixels in, squares of 32 pixels out
    python examples/diffusers_unet.py marked/ runs/unet
    artfp sample --pipeline runs/unet generated/ --count 256
    artfp verify generated/ --key studio

Images are shown as they are: mirroring or resizing them here would weaken the fingerprint. All are held in memory.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from datasets import load_dataset

from artfp.generators.diffusers_pipelines import import_diffusers

diffusers = import_diffusers()  # also beside torchvision's CPU build, over which `import diffusers` stumbles


def read(folder: Path) -> torch.Tensor:
    """All images as N x 3 x H x W bytes."""
    images = load_dataset("imagefolder", data_dir=str(folder), split="train")["image"]
    return torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2)


def train(pixels: torch.Tensor, steps: int, batch: int) -> torch.nn.Module:
    """The average of the last U-Nets that tell noise from images."""
    blocks = {"down_block_types": ("DownBlock2D",) * 3, "up_block_types": ("UpBlock2D",) * 3}
    unet = diffusers.UNet2DModel(pixels.shape[-1], block_out_channels=(32, 64, 96), layers_per_block=1, **blocks)
    average = diffusers.EMAModel(unet.parameters(), decay=0.999)
    adam = torch.optim.Adam(unet.parameters(), lr=3e-4)
    schedule = diffusers.DDPMScheduler()
    for step in range(steps):
        images = pixels[torch.randint(len(pixels), (batch,))] / 127.5 - 1
        noise, times = torch.randn_like(images), torch.randint(schedule.config.num_train_timesteps, (batch,))
        loss = (unet(schedule.add_noise(images, noise, times), times).sample - noise).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        average.step(unet.parameters())
        if step % 100 == 0:
            print(f"{step * batch:,} images shown, loss {loss.item():.4f}")
    average.copy_to(unet.parameters())
    return unet


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=32)
    given = parser.parse_args()
    torch.manual_seed(0)
    unet = train(read(given.data), given.steps, given.batch)
    diffusers.DDIMPipeline(unet, diffusers.DDIMScheduler()).save_pretrained(given.out)
