def check_for(transforms, shape):
    pass
def seen(*a, **k):
    raise NotImplementedError
