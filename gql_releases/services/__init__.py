"""Operations: each method is one transaction; each service declares the store that it needs as a Protocol."""
