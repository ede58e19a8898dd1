"""Files that people give and get: tables and spines in CSV and Parquet, in folders and on S3."""
