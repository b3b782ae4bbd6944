/* What `cerca init --dev` writes. A newcomer reads this file, so it says why. */
#include "lib/conf_setup.h"

static void put_head(const struct conf_dev *d, struct buf *out)
{
    buf_printf(out,
               "# A development CA. Everything it needs lies in this folder, which may be\n"
               "# moved as a whole while it is stopped: run cerca init --dev DIR once with the\n"
               "# new place, since SoftHSM2 knows absolute paths only. Its keys are in a\n"
               "# SoftHSM2 token: who can read this folder has them, so use it for nothing\n"
               "# that matters.\n"
               "#\n"
               "# Relative paths count from here. Every key that may stand in this file:\n"
               "#     cerca conf example\n"
               "# After a change, check the file:\n"
               "#     cerca conf check -c cerca.conf\n"
               "\n"
               "log = { level = \"info\"; };\n"
               "sockets = { dir = \"sock\"; };  # between the programs and the command\n"
               "store = { dir = \"store\"; };   # every certificate and the audit log\n"
               "view = { dir = \"view\"; };     # what the public may read, as plain files\n"
               "record = { dir = \"signer\"; }; # what the signer says it signed\n"
               "\n"
               "# This host alone can reach it.\n"
               "http = {\n"
               "    listen = \"127.0.0.1\";\n"
               "    port = \"%u\";\n"
               "    base_url = \"http://127.0.0.1:%u\";\n"
               "};\n"
               "https = {\n"
               "    listen = \"127.0.0.1\";\n"
               "    port = \"%u\";\n"
               "};\n",
               d->http_port, d->http_port, d->https_port);
}

static void put_token(const struct conf_dev *d, struct buf *out)
{
    buf_put_str(out, "\n"
                     "# The keys live in a PKCS#11 token. Its signer is a process of its own, and\n"
                     "# the only one that sees the PIN. %d is the folder of this file.\n"
                     "tokens = (\n"
                     "    {\n"
                     "        name = \"default\";\n"
                     "        module = ");
    conf_quote(d->module, out);
    buf_put_str(out, ";\n"
                     "        uri = \"pkcs11:token=cerca-dev\";\n"
                     "        pin_file = \"secrets/default.pin\";\n"
                     "        environment = ( \"SOFTHSM2_CONF=%d/softhsm2.conf\" );\n"
                     "        paths = ( \"tokens\" );\n"
                     "        read_paths = ( \"softhsm2.conf\" );\n"
                     "    }\n"
                     ");\n");
}

static void put_urls(const struct conf_dev *d, const char *issuer, struct buf *out)
{
    buf_printf(out,
               "        ocsp_url = \"http://127.0.0.1:%u/ocsp\";\n"
               "        issuer_url = \"http://127.0.0.1:%u/ca/%s.crt\";\n"
               "        crl_url = \"http://127.0.0.1:%u/crl/%s.crl\";\n",
               d->http_port, d->http_port, issuer, d->http_port, issuer);
}

static void put_issuers(const struct conf_dev *d, struct buf *out)
{
    buf_put_str(out, "\n"
                     "# A root that signs one issuing CA, which signs everything else. Hosts\n"
                     "# trust the root (ca/root.pem). The URLs are written into what each signs.\n"
                     "issuers = (\n"
                     "    {\n"
                     "        name = \"root\";\n"
                     "        subject = \"CN=Cerca Development Root CA\";\n"
                     "        token = \"default\";\n"
                     "        key = \"pkcs11:object=root\";\n"
                     "        key_type = \"p384\";\n"
                     "        parent = \"root\"; # signs itself\n"
                     "        signs_cas = true;\n"
                     "        path_len = \"1\";\n"
                     "        validity = \"10y\";\n");
    put_urls(d, "root", out);
    buf_put_str(out, "    },\n"
                     "    {\n"
                     "        name = \"issuing\";\n"
                     "        subject = \"CN=Cerca Development Issuing CA\";\n"
                     "        token = \"default\";\n"
                     "        key = \"pkcs11:object=issuing\";\n"
                     "        key_type = \"p256\";\n"
                     "        parent = \"root\";\n"
                     "        signs_leaves = true;\n"
                     "        path_len = \"0\"; # no CA below this one\n"
                     "        validity = \"5y\";\n");
    put_urls(d, "issuing", out);
    buf_put_str(out, "    }\n"
                     ");\n");
}

static void put_people(const struct conf_dev *d, struct buf *out)
{
    buf_put_str(out,
                "\n"
                "# tls-server, tls-client, mtls and other profiles are built in; cerca conf show\n"
                "# says what they allow. An entry of the same name changes one key by key:\n"
                "#\n"
                "# profiles = ( { name = \"tls-server\"; dns = ( \".example.com\" ); } );\n"
                "\n"
                "# Who may ask for certificates on this host, known by the user that asks.\n"
                "operators = (\n"
                "    { name = ");
    conf_quote(d->operator_name, out);
    buf_printf(out, "; uid = \"%u\"; role = \"admin\"; }\n);\n", (unsigned)d->uid);
}

void conf_dev_text(const struct conf_dev *d, struct buf *out)
{
    put_head(d, out);
    put_token(d, out);
    put_issuers(d, out);
    put_people(d, out);
}
