"""The names of tests/programs/hostile.c, and how text formats show them."""

COMM = "<b>x</b>"
THREADS = [
    b"<b>x</b>",
    b"a;b c 12",
    b"bell\x07\x1b[2J",
    b"\xff\xfe\xc3(x",
    b"tab\there\\n",
    b"line\nsample\t1",
    b'","x":[{',
    b"\xe2\x80\xaetxt.exe",
    b"</script>",
]
FUNCTIONS = {"<img src=x onerror=alert(1)>", "f;g 12"}
SECONDS = 0.4


def texts():
    """The threads in formats that are UTF-8: a byte that is none is shown as U+FFFD."""
    return {name.decode("utf-8", "replace") for name in THREADS}


def octets():
    """The threads in formats that keep bytes, as Python reads them."""
    return {name.decode("utf-8", "surrogateescape") for name in THREADS}
