"""Tables, their columns, and the migrations that create them."""
