"""GANConfig's fields → widgets. Range, step, words and help are the config's; here stands what a field looks like."""
