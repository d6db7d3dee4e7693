"""The composition root: settings → objects → run. `build` makes the objects, `service` runs them, `account` one of them."""
