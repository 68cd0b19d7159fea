"""The training loop: networks, optimisers and data of one run, and the engines that compute its updates."""
