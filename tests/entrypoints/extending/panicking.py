"""A module that raises, when it is imported, what is no `Exception`."""


class Panic(BaseException):
    """What a library in Rust raises."""


raise Panic
