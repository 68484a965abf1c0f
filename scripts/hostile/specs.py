def cases(base):
    return []
