#!/usr/bin/env python3
"""Checks checkpoints, tiles and proofs of an audit log. Written from the texts of
c2sp.org/signed-note, tlog-checkpoint, tlog-tiles and RFC 9162 2.1 alone; shares no code with
what it checks. Signatures are verified by openssl(1).

  check_log.py note FILE VKEY...     the checkpoint is signed by each key
  check_log.py proof FILE VKEY       a file of `cerca audit prove`: signature, inclusion,
                                     consistency
  check_log.py tiles DIR VKEY        a folder with checkpoint and tile/: signature, and the
                                     root by the tiles
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile


class Wrong(Exception):
    pass


def need(truth, why):
    if not truth:
        raise Wrong(why)


# --- c2sp.org/signed-note, c2sp.org/tlog-checkpoint ---

ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")


def read_vkey(text):
    name, key_id, blob = text.strip().split("+", 2)
    blob = base64.b64decode(blob, validate=True)
    kind, key = blob[0], blob[1:]
    if kind == 1:
        want = hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]
        need(len(key) == 32, "an Ed25519 key has 32 octets")
        spki = ED25519_SPKI + key
    else:
        need(kind == 2, "a key of a type that is not known")
        want = hashlib.sha256(key).digest()[:4]
        spki = key
    need(want.hex() == key_id, "the key id is not that of the key")
    return name, want, kind, spki


def openssl_verifies(spki, kind, text, signature):
    with tempfile.TemporaryDirectory() as d:
        def put(name, octets):
            with open(os.path.join(d, name), "wb") as f:
                f.write(octets)
            return os.path.join(d, name)
        key, sig, msg = put("key", spki), put("sig", signature), put("msg", text)
        if kind == 1:
            command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER",
                       "-inkey", key, "-sigfile", sig, "-in", msg]
        else:
            command = ["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", key,
                       "-signature", sig, msg]
        return subprocess.run(command, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


def split_note(note):
    at = note.rindex(b"\n\n")
    return note[:at + 1], note[at + 2:]


def check_signature(note, vkey):
    name, key_id, kind, spki = read_vkey(vkey)
    text, signatures = split_note(note)
    need(signatures.endswith(b"\n"), "the note does not end in a newline")
    found = 0
    for line in signatures.decode().split("\n")[:-1]:
        dash, who, blob = line.split(" ")
        need(dash == "\u2014", "a signature line begins with an em dash")
        blob = base64.b64decode(blob, validate=True)
        if who == name and blob[:4] == key_id:
            need(openssl_verifies(spki, kind, text, blob[4:]), "the signature is wrong")
            found += 1
    need(found == 1, "the key has not signed it once")


def read_checkpoint(note):
    lines = split_note(note)[0].decode().split("\n")
    need(len(lines) >= 4 and lines[-1] == "" and "" not in lines[:-1], "the lines of the text")
    need(lines[1] == str(int(lines[1])), "the size in decimal without leading zeros")
    root = base64.b64decode(lines[2], validate=True)
    need(len(root) == 32, "a root has 32 octets")
    return lines[0], int(lines[1]), root


# --- RFC 9162 2.1 ---

def leaf_hash(data):
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_inclusion(leaf, index, size, path, root):  # 2.1.3.2
    need(index < size, "the index is in the tree")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        need(sn != 0, "the path is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            if not fn & 1:
                while fn and not fn & 1:
                    fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and r == root, "the path leads to the root")


def check_consistency(first, first_root, second, second_root, path):  # 2.1.4.2
    need(0 < first <= second, "the sizes go up")
    if first == second:
        need(path == [] and first_root == second_root, "the same tree")
        return
    path = list(path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        need(sn != 0, "the path is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            if not fn & 1:
                while fn and not fn & 1:
                    fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and fr == first_root and sr == second_root, "the paths lead to both roots")


def tree_root(leaves):  # 2.1.1
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(tree_root(leaves[:k]), tree_root(leaves[k:]))


# --- c2sp.org/tlog-tiles ---

def tile_path(level, n, width):
    parts = []
    while True:
        parts.insert(0, "%03d" % (n % 1000))
        n //= 1000
        if n == 0:
            break
    name = "/".join(["x" + p for p in parts[:-1]] + parts[-1:])
    return "tile/%d/%s%s" % (level, name, "" if width == 256 else ".p/%d" % width)


def read_level(folder, size, level):
    count, hashes = size >> (8 * level), []
    for n in range((count + 255) // 256):
        width = min(256, count - 256 * n)
        with open(os.path.join(folder, tile_path(level, n, width)), "rb") as f:
            octets = f.read()
        need(len(octets) == 32 * width, "a tile has 32 octets a hash")
        hashes += [octets[i:i + 32] for i in range(0, len(octets), 32)]
    return hashes


def check_tiles(folder, size, root):
    levels = [read_level(folder, size, 0)]
    need(tree_root(levels[0]) == root, "the leaves give the root")
    while size >> (8 * len(levels)):
        below, here = levels[-1], read_level(folder, size, len(levels))
        for i, h in enumerate(here):
            need(tree_root(below[256 * i:256 * i + 256]) == h, "a tile is of what is below it")
        levels.append(here)
    return sum((len(level) + 255) // 256 for level in levels)


# --- what is asked ---

def read(path):
    with open(path, "rb") as f:
        return f.read()


def main(what, path, *vkeys):
    need(vkeys, "which key?")
    if what == "note":
        note = read(path)
        for vkey in vkeys:
            check_signature(note, vkey)
        print("%s %d" % read_checkpoint(note)[:2])
    elif what == "proof":
        proof = json.loads(read(path))
        note = proof["checkpoint"].encode()
        check_signature(note, vkeys[0])
        origin, size, root = read_checkpoint(note)
        for r in proof["records"]:
            data = hashlib.sha256(bytes.fromhex(r["salt"] + r["record"])).digest()
            path = [base64.b64decode(h, validate=True) for h in r["inclusion_proof"]]
            check_inclusion(leaf_hash(data), r["index"], size, path, root)
        if "from" in proof:
            first = proof["from"].encode()
            check_signature(first, vkeys[0])
            other, first_size, first_root = read_checkpoint(first)
            need(other == origin, "both are of one log")
            path = [base64.b64decode(h, validate=True) for h in proof["consistency_proof"]]
            check_consistency(first_size, first_root, size, root, path)
        print("%d records included%s" % (len(proof["records"]),
                                         ", consistent" if "from" in proof else ""))
    elif what == "tiles":
        note = read(os.path.join(path, "checkpoint"))
        check_signature(note, vkeys[0])
        _, size, root = read_checkpoint(note)
        print("%d tiles over %d leaves" % (check_tiles(path, size, root), size))
    else:
        raise Wrong("what?")


try:
    main(*sys.argv[1:])
except (Wrong, ValueError, KeyError, OSError) as e:
    print("check_log: wrong: %s" % e, file=sys.stderr)
    sys.exit(1)
