"""What the training program is made of: its model and text, its ranks, and what is seen of them."""
