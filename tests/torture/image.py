"""A folder as a machine that lost its power would find it: what recorder.c recorded, replayed up to a
cut. What a completed sync covers is there; of everything else as much as chance, or nobody, kept.

The model is POSIX's, which promises less than file systems keep: a sync of a file says nothing of its
name, a sync of a folder nothing of its files' contents; without them any write may be there or not, in
any order, whole, by pages of 4096 or by sectors of 512 octets. Changes of one folder's names are kept in
their order. Only a folder's own rename is durable at once: that of indexes, which are made anew.
"""
import mmap
import os
import shutil
import stat
import struct

NAME, RENAME, UNLINK, MKDIR, WRITE, TRUNCATE, _SYNC_BEGIN, SYNC_END, SYNC_ALL, MARK = range(1, 11)
RECORD = struct.Struct("<IHHQQQII")
HEAD = 4096
CHANGES = (NAME, RENAME, UNLINK, MKDIR)


class Unrecorded(Exception):
    """Something happened that the recorder did not see."""


class Event:
    __slots__ = ("place", "kind", "flags", "inode", "at", "time", "data")

    def __init__(self, place, kind, flags, inode, at, time, data):
        self.place, self.kind, self.flags = place, kind, flags
        self.inode, self.at, self.time, self.data = inode, at, time / 1e6, data


def new_log(path, size):
    with open(path, "wb") as f:
        f.truncate(size)
    with open(path, "r+b") as f:
        f.write(struct.pack("<QQ", HEAD, 0))


def read_log(path):
    """The events in their order, without those in whose midst a writer was killed."""
    events = []
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
        used, overflowed = struct.unpack_from("<QQ", m, 0)
        if overflowed:
            raise Unrecorded("the log is full")
        at = HEAD
        while at < used:
            size, kind, flags, inode, where, time, n, done = RECORD.unpack_from(m, at)
            if size == 0:
                break
            begin = at + RECORD.size
            if done:
                events.append(Event(at, kind, flags, inode, where, time, m[begin:begin + n]))
            at += size
    return events


class File:
    """What is durable, and what came behind it: (offset, octets), or (size, None) of a truncation."""
    __slots__ = ("durable", "later")

    def __init__(self, octets=b""):
        self.durable, self.later = bytearray(octets), []


def put(content, change):
    at, octets = change
    if octets is None:
        if at < len(content):
            del content[at:]
        else:
            content.extend(bytes(at - len(content)))
        return
    if at > len(content):
        content.extend(bytes(at - len(content)))
    content[at:at + len(octets)] = octets


def parent(path):
    return path.rpartition("/")[0]


class Disk:
    """A folder, durable and as running programs see it. Paths are below it, without "./"."""

    def __init__(self, folder, syncs=True):
        self.syncs = syncs  # False: of a disk on which no sync ever keeps anything
        self.names, self.now = {}, {}  # path: File, or None for a folder; durable, as programs see it
        self.later = {}                # folder's path: [(place, change of names)]
        self.file_of, self.folder_of = {}, {}  # inode
        self.modes = {}
        self.read(folder)

    def read(self, folder):
        self.folder_of[os.stat(folder).st_ino] = ""
        for base, folders, files in os.walk(folder):
            for name in folders + files:
                path = os.path.join(base, name)
                below, st = os.path.relpath(path, folder), os.lstat(path)
                if stat.S_ISDIR(st.st_mode):
                    self.folder_of[st.st_ino], self.now[below] = below, None
                elif stat.S_ISREG(st.st_mode):
                    with open(path, "rb") as f:
                        self.file_of[st.st_ino] = self.now[below] = File(f.read())
                self.modes[below] = stat.S_IMODE(st.st_mode)
        self.names = dict(self.now)

    # --- one event after the other ----------------------------------------------------------------

    def apply(self, e):
        if e.kind in CHANGES:
            self.change_names(e)
        elif e.kind in (WRITE, TRUNCATE):
            file = self.file_of.get(e.inode)
            if file is None:
                raise Unrecorded("a write to a file that nobody opened")
            self.write(file, e)
        elif not self.syncs:
            return
        elif e.kind == SYNC_END:
            self.sync(e.inode, e.at)
        elif e.kind == SYNC_ALL:
            for file in set(self.file_of.values()):
                self.sync_file(file, e.at)
            for folder in list(self.later):
                self.sync_folder(folder, e.at)

    def change_names(self, e):
        text = e.data.decode()
        if e.kind == NAME:
            if e.flags == 1:  # no name: a file of its own, which linkat may name later
                self.new_file(e.inode)
                return
            if e.flags == 0 and text in self.now:
                if self.file_of.get(e.inode) is not self.now[text]:
                    raise Unrecorded(text + " is another file than was recorded")
                return
            if e.flags == 0:
                self.new_file(e.inode)
            change = (NAME, text, self.file_of[e.inode])
        elif e.kind == MKDIR:
            self.file_of.pop(e.inode, None)  # a number of before
            self.folder_of[e.inode] = text
            change = (NAME, text, None)
        elif e.kind == RENAME:
            old, text = text.split("\0")
            if old not in self.now:
                raise Unrecorded(old + " is renamed and was never made")
            if self.now[old] is None:
                self.rename_folder(old, text)
                return
            change = (RENAME, text, old)
        else:
            change = (UNLINK, text, None)
        self.rename(self.now, change)
        self.later.setdefault(parent(text), []).append((e.place, change))

    def new_file(self, inode):
        self.folder_of.pop(inode, None)  # a number of before
        self.file_of[inode] = File()

    def rename_folder(self, old, new):
        """With all that is in it, and behind all that happened to the folder that it is in."""
        def moved(path):
            return new + path[len(old):] if path == old or path.startswith(old + "/") else path

        for _, change in self.later.pop(parent(old), []):
            self.rename(self.names, change)
        self.now, self.names = ({moved(path): what for path, what in names.items()}
                                for names in (self.now, self.names))
        self.modes = {moved(path): mode for path, mode in self.modes.items()}
        self.folder_of = {inode: moved(path) for inode, path in self.folder_of.items()}
        self.later = {moved(folder): [(place, (kind, moved(path), moved(what) if kind == RENAME else what))
                                      for place, (kind, path, what) in changes]
                      for folder, changes in self.later.items()}

    @staticmethod
    def rename(names, change):
        """In place. A name that is not there was one that is lost itself."""
        kind, path, what = change
        if kind == NAME:
            names[path] = what
        elif kind == UNLINK:
            names.pop(path, None)
        elif what in names:
            names[path] = names.pop(what)

    def write(self, file, e):
        change = (e.at, e.data if e.kind == WRITE else None)
        if not e.flags or not self.syncs:
            file.later.append((e.place, change))
            return
        # Durable by itself: pages go as they are, with what was written into them before.
        first, end = e.at // 4096 * 4096, (e.at + len(e.data) + 4095) // 4096 * 4096
        kept = []
        for place, before in file.later:
            if before[1] is not None and (before[0] >= end or before[0] + len(before[1]) <= first):
                kept.append((place, before))
            else:
                put(file.durable, before)
        file.later = kept
        put(file.durable, change)

    def sync(self, inode, begin):
        if inode in self.folder_of:
            self.sync_folder(self.folder_of[inode], begin)
        elif inode in self.file_of:
            self.sync_file(self.file_of[inode], begin)
        else:
            raise Unrecorded("a sync of a file that nobody opened")

    @staticmethod
    def sync_file(file, begin):
        for place, change in file.later:
            if place < begin:
                put(file.durable, change)
        file.later = [c for c in file.later if c[0] >= begin]

    def sync_folder(self, folder, begin):
        for place, change in self.later.get(folder, []):
            if place < begin:
                self.rename(self.names, change)
        self.later[folder] = [c for c in self.later.get(folder, []) if c[0] >= begin]

    # --- an image ---------------------------------------------------------------------------------

    def after_power_loss(self, keep):
        """{path: octets, or None for a folder}. keep is a Keep."""
        names = dict(self.names)
        for folder in sorted(self.later):
            changes = self.later[folder]
            for _, change in changes[:keep.of(len(changes))]:
                self.rename(names, change)
        image = {}
        for path, file in names.items():
            if file is not None:
                content = bytearray(file.durable)
                for _, change in file.later:
                    for part in keep.parts(change):
                        put(content, part)
                file = bytes(content)
            image[path] = file
        # A folder that is lost takes along what is in it.
        return {path: what for path, what in image.items()
                if all(p in image for p in parents(path))}


def parents(path):
    path = parent(path)
    while path:
        yield path
        path = parent(path)


class Keep:
    """What of the changes that no sync covers is there: share 0 nothing, 1 everything. unit: in which
    pieces a write is there or not; 0: whole."""

    def __init__(self, random, share, unit):
        self.random, self.share, self.unit = random, share, unit

    def survives(self):
        return self.share >= 1 or self.random.random() < self.share

    def of(self, n):
        """How many of so many, in their order."""
        return n if self.share >= 1 else self.random.randint(0, n) if self.share > 0 else 0

    def parts(self, change):
        at, octets = change
        if octets is None or self.unit == 0:
            if self.survives():
                yield change
            return
        begin = 0
        while begin < len(octets):
            end = min(len(octets), (at + begin) // self.unit * self.unit + self.unit - at)
            if self.survives():
                yield at + begin, octets[begin:end]
            begin = end


def write_folder(image, modes, folder):
    """In place of what is there, of which sockets and such are nobody's after a power cut."""
    shutil.rmtree(folder)
    os.mkdir(folder, 0o700)
    for path in sorted(image):
        whole = os.path.join(folder, path)
        if image[path] is None:
            os.mkdir(whole)
        else:
            with open(whole, "wb") as f:
                f.write(image[path])
        os.chmod(whole, modes.get(path, 0o700 if image[path] is None else 0o600))


def differences(image, folder, ignored):
    """Paths that are not in the folder as in the image: what the recorder did not see."""
    there = Disk(folder).after_power_loss(Keep(None, 1, 0))
    return sorted(path for path in set(image) | set(there)
                  if image.get(path) != there.get(path) and not path.endswith(ignored))
