"""What an adversary does to marks on purpose: each attack is pure functions of images, or a training of its own."""
