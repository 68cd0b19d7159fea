"""GANConfig's fields and the run's commands → widgets. Range, step, label and help come from the config."""
