"""`groundwork pipeline`: the steps of the pipelines, for Jenkins and GitHub Actions alike."""
