"""This program and others like it, side by side on the same model, passages and questions."""
