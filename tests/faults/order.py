"""What is to fail, and the words that say it did."""
import re
import struct

KINDS = ['memory', 'open', 'write', 'sync', 'name', 'read', 'thread']
ORDER = struct.Struct('32sIIQQ64s64s')  # tests/faults/library.h
# What names such a failure, whoever says it: our programs, libc's strerror, or a library.
SAYS = {
    'memory': r'memory|malloc|Cannot allocate',
    'open': r'open files|descriptor',
    'write': r'No space left|code=full',
    'sync': r'Input/output error',
    'name': r'Input/output error',
    'read': r'Input/output error|file I/O error',
    'thread': r'\bthreads?\b(?!=)|temporarily unavailable',
}
# A line of a program's log that is a complaint, or what a command says when it fails.
COMPLAINT = re.compile(r'^(\S+ (error|warn)|cerca(-agent)? [a-z ]+:)', re.M)


class Order:
    """The file that the library maps."""

    def __init__(self, path, program, kind, at=0):
        self.path, self.kind = path, kind
        path.write_bytes(ORDER.pack(program.encode(), KINDS.index(kind), 0, at, 0, b'', b''))

    def _read(self):
        return ORDER.unpack(self.path.read_bytes())

    def calls(self):
        return self._read()[4]

    def struck(self):
        return self._read()[2] > 0

    def _ours(self, field):
        name = self._read()[field].rstrip(b'\0').decode()
        return name, name.startswith('cerca')

    def library_died(self):
        """Did a process die in the code of a library, which is always the work of others here?"""
        name, ours = self._ours(5)
        return name != '' and not ours

    def caller(self):
        """The object whose call failed."""
        return self._ours(6)[0]

    def says_so(self, text):
        return re.search(SAYS[self.kind], re.sub(r'(?<!\w)/\S+', '', text), re.I) is not None  # without paths: runs are named by kinds

    def said(self, text, complaint=COMPLAINT):
        """Does it say what failed? A library of others may hide from us why a call of its own failed; then what it was
        asked for has to be complained of."""
        return self.says_so(text) or not self._ours(6)[1] and re.search(complaint, text) is not None


def points(calls, n, chance):
    """n of the calls, one of each n-th part; all of them for 0."""
    if n == 0 or n >= calls:
        return range(1, calls + 1)
    return sorted({1 + int((i + chance.random()) * calls / n) for i in range(n)} - {calls + 1})
