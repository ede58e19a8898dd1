"""What is done with data: ingest, materialize, training sets, and features of any spine."""
