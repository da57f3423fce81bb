"""The widget in the notebook: the only wing that knows ipywidgets, anywidget and IPython.

``widget`` holds the traits and takes commands, ``stream`` decides what travels to the browser and when, ``lifetime``
who still holds the widget (``references`` finds that out), ``atlas`` shows the store of a sweep.
"""
