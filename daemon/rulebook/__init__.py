"""The rulebook: rule files → values → a compiled rule set that says which rule an error falls under."""
