"""The APIs as OpenAPI 3.1 documents, generated from the code when it is built."""
