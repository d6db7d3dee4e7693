"""What the service shows over HTTP: is it alive, is it ready, and its figures. It only looks; nothing here changes anything."""
