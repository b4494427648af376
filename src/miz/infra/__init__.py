"""The machine below the product: databases, files, keys, events, HTTP. Knows no patient and no drug."""
