"""The catalog of the lake's tables on AWS, and who reads them."""
