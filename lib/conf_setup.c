#include "lib/conf_setup.h"

void conf_quote(const char *text, struct buf *out)
{
    buf_put_u8(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*text);
    }
    buf_put_u8(out, '"');
}

static void put_key(const char *key, const char *value, struct buf *out)
{
    if (value == NULL)
        return;
    buf_printf(out, "        %s = ", key);
    conf_quote(value, out);
    buf_put_str(out, ";\n");
}

static void put_list(const char *key, const char *const *list, struct buf *out)
{
    if (list == NULL || list[0] == NULL)
        return;
    buf_printf(out, "        %s = ( ", key);
    for (size_t i = 0; list[i] != NULL; i++) {
        buf_put_str(out, i > 0 ? ", " : "");
        conf_quote(list[i], out);
    }
    buf_put_str(out, " );\n");
}

static void put_head(const struct conf_setup *s, struct buf *out)
{
    buf_put_str(out,
                "# Written by cerca init. Relative paths count from this file's folder.\n"
                "# Every key that may stand here: cerca conf example\n"
                "# After a change: cerca conf check, then send HUP to cercad.\n"
                "\n"
                "log = { level = \"info\"; };\n"
                "sockets = { dir = \"sock\"; };\n"
                "store = { dir = \"store\"; };\n"
                "view = { dir = \"view\"; };\n"
                "record = { dir = \"signer\"; };\n"
                "\n"
                "# How others reach CA certificates, CRLs and OCSP; plain HTTP, since what is\n"
                "# fetched there is signed (RFC 5280 8).\n"
                "http = { base_url = ");
    conf_quote(s->base_url, out);
    buf_printf(out, "; port = \"%u\"; };\nhttps = { port = \"%u\"; };\n", s->http_port,
               s->https_port);
}

static void put_token(const struct conf_setup *s, struct buf *out)
{
    static const char *const environment[] = {"SOFTHSM2_CONF=%d/softhsm2.conf", NULL};
    static const char *const paths[] = {"tokens", NULL}, *const read_paths[] = {"softhsm2.conf",
                                                                                NULL};

    buf_put_str(out, "\n# The keys never leave this token.\n"
                     "tokens = (\n"
                     "    {\n"
                     "        name = \"default\";\n");
    put_key("module", s->module, out);
    put_key("uri", s->uri, out);
    put_key("pin_file", s->pin_file, out);
    put_key("pin_credential", s->pin_credential, out);
    put_key("init_reserved", s->init_reserved, out);
    put_list("environment", s->softhsm ? environment : s->environment, out);
    put_list("paths", s->softhsm ? paths : s->paths, out);
    put_list("read_paths", s->softhsm ? read_paths : NULL, out);
    if (s->network)
        buf_put_str(out, "        network = true;\n");
    buf_put_str(out, "    }\n);\n");
}

static void put_urls(const struct conf_setup *s, const char *name, struct buf *out)
{
    buf_printf(out,
               "        ocsp_url = \"%s/ocsp\";\n"
               "        issuer_url = \"%s/ca/%s.crt\";\n"
               "        crl_url = \"%s/crl/%s.crl\";\n",
               s->base_url, s->base_url, name, s->base_url, name);
}

static void put_root(const struct conf_setup *s, struct buf *out)
{
    buf_put_str(out, "    {\n        name = \"root\";\n");
    put_key("subject", s->root_subject, out);
    if (s->offline_root)
        buf_put_str(out, "        offline = true; # cerca ca install takes its certificate\n");
    else
        buf_put_str(out, "        token = \"default\";\n"
                         "        key = \"pkcs11:object=cerca-root\";\n");
    put_key("key_type", s->root_key, out);
    buf_put_str(out, "        parent = \"root\";\n"
                     "        signs_cas = true;\n"
                     "        path_len = \"2\"; # room for a cross certificate (docs/rollover.md)\n"
                     "        validity = \"20y\";\n");
    put_urls(s, "root", out);
    buf_put_str(out, "    },\n");
}

static void put_issuing(const struct conf_setup *s, struct buf *out)
{
    buf_put_str(out, "    {\n        name = \"issuing\";\n");
    put_key("subject", s->issuing_subject, out);
    buf_put_str(out, "        token = \"default\";\n"
                     "        key = \"pkcs11:object=cerca-issuing\";\n");
    put_key("key_type", s->issuing_key, out);
    buf_put_str(out, "        parent = \"root\";\n"
                     "        signs_leaves = true;\n"
                     "        path_len = \"0\";\n"
                     "        validity = \"5y\";\n");
    put_urls(s, "issuing", out);
    buf_put_str(out, "    }\n");
}

static void put_operators(const struct conf_setup *s, struct buf *out)
{
    buf_put_str(out, "\n# Who may do what on this host, known by the user that asks.\n"
                     "operators = (\n");
    for (size_t i = 0; i < s->n_operators; i++) {
        buf_put_str(out, "    { name = ");
        conf_quote(s->operators[i].name, out);
        buf_put_str(out, "; uid = ");
        conf_quote(s->operators[i].uid, out);
        buf_put_str(out, "; role = ");
        conf_quote(s->operators[i].role, out);
        buf_printf(out, "; }%s\n", i + 1 < s->n_operators ? "," : "");
    }
    buf_put_str(out, ");\n");
}

void conf_setup_text(const struct conf_setup *s, struct buf *out)
{
    put_head(s, out);
    put_token(s, out);
    buf_put_str(out, "\nissuers = (\n");
    put_root(s, out);
    put_issuing(s, out);
    buf_put_str(out, ");\n");
    put_operators(s, out);
}
