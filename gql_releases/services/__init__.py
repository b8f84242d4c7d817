"""Operations: one method, one transaction; each states the store it needs as a Protocol."""
