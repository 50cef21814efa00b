"""The PostgreSQL edge: statements, migrations and what runs them."""
