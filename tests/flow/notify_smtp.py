"""A mail server (aiosmtpd) for flows: STARTTLS, AUTH, and every mail as a file.

usage: notify_smtp.py DIR CERT KEY
Prints its port. DIR/refuse: addresses that it has not, one a line. DIR/plain: offers no STARTTLS.
DIR/password: of the account, instead of "mail secret". DIR/smtps: is there: TLS from the start.
DIR/port: the port to take.
"""
import asyncio
import os
import ssl
import sys

from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP, AuthResult

folder, cert, key = sys.argv[1:4]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)
count = 0
smtps = os.path.exists(os.path.join(folder, "smtps"))


def text(name):
    path = os.path.join(folder, name)
    return open(path, encoding="utf-8").read().strip() if os.path.exists(path) else ""


def lines(name):
    return text(name).split()


class Handler(Message):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in lines("refuse"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        head = f"X-Envelope: {envelope.mail_from} {' '.join(envelope.rcpt_tos)} tls={smtps or session.ssl is not None}\r\n"
        name = os.path.join(folder, f"{count}.eml")
        with open(name + ".new", "wb") as out:
            out.write(head.encode() + envelope.original_content)
        os.rename(name + ".new", name)
        return "250 2.0.0 OK queued as 1A2B"

    def handle_message(self, message):
        pass


def authenticate(server, session, envelope, mechanism, data):
    password = text("password") or "mail secret"
    return AuthResult(success=(data.login, data.password) == (b"cerca", password.encode()),
                      handled=False)


def factory():
    plain = smtps or os.path.exists(os.path.join(folder, "plain"))
    return SMTP(Handler(), authenticator=authenticate, auth_required=smtps or not plain, auth_require_tls=not smtps,
                tls_context=None if plain else context, require_starttls=not plain,
                hostname="mail.test")


async def main():
    server = await asyncio.get_running_loop().create_server(
        factory, "127.0.0.1", int(text("port") or 0), ssl=context if smtps else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
