"""The page: controls → GANConfig → Command → run → Snapshot → charts."""
