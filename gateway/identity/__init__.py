"""Who asks: tokens of the retailer's identity service, verified here."""
