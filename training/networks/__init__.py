"""The networks of StarGAN v2: their blocks, their arithmetic and files in the published format."""
