"""A comparison in miniature: three models that learn next to nothing, and systems that train in a second."""

from __future__ import annotations

from pathlib import Path

MODEL = """
size = 16
images = 32
batch = 8
generator_width = 4
generator_most = 8
discriminator_width = 4
discriminator_most = 8
latent = 4
monitor_every = 16
monitor_images = 4
checkpoint_every = 16
log_every = 8
"""

CONTEST = """
name = "small"
size = 16
codec = "dct"
models = [
  { name = "one", recipe = "RECIPE" },
  { name = "two", recipe = "RECIPE", seed = 1 },
  { name = "three", recipe = "RECIPE", seed = 3 },
  { name = "one-seed", recipe = "RECIPE", seed = 2, key = "one" },
  { name = "one-tuned", recipe = "RECIPE", data = "other", start = "one", loss = "logistic", key = "one" },
  { name = "one-stolen", recipe = "RECIPE", data = "other", start = "one", key = "nobody" },
]
samples = 100
main = { count = 120 }
other = { count = 100, kind = "photo-like" }

[[courses]]
name = "attribution"
systems = ["artfp", "residual", "attnet", "attnet+noise"]
classes = { real = ["real"], one = ["one"], two = ["two"] }
examinations = [
  { name = "closed" },
  { name = "open", classes = { one = ["one"], two = ["two"] }, unknown = ["three"] },
  { name = "cross", classes = { real = ["real:other"], one = ["one-seed", "one-tuned"] } },
  { name = "stolen", classes = { one = ["one-stolen"] } },
  { name = "noise", attack = "noise" },
]

[[courses]]
name = "detection"
systems = ["residual"]
classes = { real = ["real@jpeg"], generated = ["one", "two"] }
examinations = [
  { name = "closed" },
  { name = "swapped", classes = { real = ["real"], generated = ["one@jpeg"] } },
]
"""


def written(folder: Path, contest: str = CONTEST) -> Path:
    """The recipe of the comparison, beside that of its models."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.toml").write_text(MODEL)
    path = folder / "contest.toml"
    path.write_text(contest.replace("RECIPE", str(folder / "model.toml")))
    return path
