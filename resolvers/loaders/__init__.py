"""From keys to values, once per request: what a request already asked is not asked again."""
