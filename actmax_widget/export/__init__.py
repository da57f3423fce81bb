"""What can be taken away from a run, made of its pictures, rows and checkpoint alone.

:class:`~actmax_widget.export.result.Result` is what a run came to. ``saving`` writes its files, ``run_file`` what makes
it in JSON, ``code`` the same as Python, both by ``written``; ``plotting`` draws it, ``page`` is it, or several side by
side, in a browser, ``card`` the picture beside a widget. ``sheet`` writes the files of several pictures.
"""
