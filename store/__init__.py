"""Records, tables, engine, writer, queries, migrations, files in and out."""
