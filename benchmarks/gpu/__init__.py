"""What a GPU does with the product's training and scoring."""
