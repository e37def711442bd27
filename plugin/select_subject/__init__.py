"""Select Subject: the selection becomes what stands out in the layer, or the thing inside a rough selection."""
