"""What the serving program is made of: its model, its prompts, and what is seen of them."""
