/* The key of a validation node's OCSP responder: made here, shown by a request. */
#include <string.h>
#include <unistd.h>

#include "lib/csr.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tools/commands.h"
#include "client/newkey.h"

#define KEY_FILE_MAX 16384

struct csr_args {
    const char *out, *key_type;
};

/* The name is cerca-ca's to choose: an empty one here. */
static const uint8_t no_name[] = {0x30, 0x00};

static int make(const char *path, const char *type, struct buf *csr, struct fault *f)
{
    struct buf pem;
    int rc;

    buf_init(&pem, KEY_FILE_MAX);
    rc = newkey_make(type, slice_of(no_name, sizeof(no_name)), &pem, csr, f);
    if (rc == 0)
        rc = keyfile_whole(path, buf_slice(&pem), f);
    buf_free(&pem);
    return rc;
}

static int request(const char *path, const char *type, struct buf *csr, struct fault *f)
{
    if (path[0] == '\0')
        return fault_set(f, FAULT_CONFIG, "ocsp.key_file",
                         "the configuration has no ocsp.key_file: this host's responder makes its "
                         "keys in memory and needs no request");
    if (access(path, F_OK) != 0)
        return make(path, type != NULL ? type : "p256", csr, f);
    if (type != NULL)
        return fault_set(f, FAULT_CONFIG, "ocsp.key_file",
                         "%s is there: its key stays; without --key-type its request is made",
                         path);
    return newkey_request(path, slice_of(no_name, sizeof(no_name)), csr, f);
}

/* Those that a responder takes (public/nodekey.h). */
static bool is_offered(const char *type)
{
    static const char *const types[] = {"p256", "rsa2048", "rsa3072"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static int run_ocsp_csr(struct tool *t, void *args)
{
    const struct csr_args *a = args;
    struct fault f = {0};
    struct buf csr, pem;
    int rc;

    if (a->key_type != NULL && !is_offered(a->key_type))
        return tool_usage(t, "--key-type is p256, rsa2048 or rsa3072");
    rc = tool_conf(t, &f);
    buf_init(&csr, CSR_MAX);
    buf_init(&pem, (size_t)2 * CSR_MAX);
    if (rc == 0)
        rc = request(t->conf->ocsp_key_file, a->key_type, &csr, &f);
    if (rc == 0)
        pem_put(&pem, "CERTIFICATE REQUEST", buf_slice(&csr));
    if (rc == 0 && a->out != NULL)
        rc = file_write(a->out, 0644, buf_slice(&pem), &f);
    rc = rc != 0 ? tool_fail(t, &f) : a->out == NULL ? tool_print(t, buf_slice(&pem)) : EXIT_OK;
    buf_free(&csr);
    buf_free(&pem);
    return rc;
}

static const struct opt opts[] = {
    {"out", OPT_TEXT, offsetof(struct csr_args, out), "FILE", "instead of standard output", 0},
    {"key-type", OPT_TEXT, offsetof(struct csr_args, key_type), "TYPE",
     "of a key that is made: p256 (default), rsa2048 or rsa3072", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_ocsp_csr = {
    .name = "ocsp csr",
    .help = "make the key ocsp.key_file if it is not there, and its certification request",
    .arguments = "[--key-type TYPE] [--out FILE] [options]",
    .examples = "  cerca ocsp csr -c /etc/cerca/node.conf --out eu-1.csr\n",
    .opts = opts,
    .args_size = sizeof(struct csr_args),
    .run = run_ocsp_csr,
};
