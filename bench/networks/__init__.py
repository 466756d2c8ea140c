"""Studies of networks: what they cost, what pruning keeps."""
