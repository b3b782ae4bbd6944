#!/usr/bin/python3
"""Runs a command on a terminal of its own and types an answer at each prompt that ends with "PIN: ".

usage: answers.py "ANSWER ..." COMMAND...
Its exit status is the command's.
"""
import os
import pty
import sys

answers = sys.argv[1].split()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
said = b""
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:  # its end
        break
    if not piece:
        break
    sys.stdout.buffer.write(piece)
    said += piece
    if said.rstrip(b" ").endswith(b"PIN:") and answers:
        said = b""
        os.write(terminal, answers.pop(0).encode() + b"\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
