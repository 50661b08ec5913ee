"""What the engines' images have of the Hugging Face library, as far as the download of weights uses it."""
