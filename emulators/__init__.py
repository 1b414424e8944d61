"""Google Cloud on one machine: the emulators, the stack that runs them, the demo."""
