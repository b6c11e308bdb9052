"""The serving image: one pinned model behind the Open Inference Protocol and a plain /predict."""
