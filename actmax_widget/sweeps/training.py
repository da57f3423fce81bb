class FilmCallback: pass
