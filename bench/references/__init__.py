"""What the sidecar is compared with. Each is one file that runs by itself, in the measured environment."""
