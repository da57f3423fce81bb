"""IPython's settings for the kernels of `make lab`."""

# TensorFlow writes a page of log straight to file descriptor 2 when it is loaded, and no variable of its own silences
# all of that. Uncaptured it goes to the terminal of JupyterLab, not on a red ground into the first cell of a notebook.
c.IPKernelApp.capture_fd_output = False  # type: ignore[name-defined]  # noqa: F821 - given by traitlets
