"""An environment as a whole: brought up, looked at, stopped, taken down."""
