#include "ca/door/install.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/pem.h"
#include "lib/step.h"

static int write_files(const struct conf_issuer *i, struct slice der, struct fault *f)
{
    struct buf pem, path;
    size_t n = strlen(i->certificate);
    int rc;

    buf_init(&pem, CERT_MAX * 2);
    buf_init(&path, 4096);
    pem_put(&pem, "CERTIFICATE", der);
    rc = file_write(i->certificate, 0644, buf_slice(&pem), f);
    if (rc == 0 && n > 4 && strcmp(i->certificate + n - 4, ".pem") == 0) {
        buf_printf(&path, "%.*s.der", (int)(n - 4), i->certificate);
        rc = file_write(buf_cstr(&path), 0644, der, f);
    }
    buf_free(&pem);
    buf_free(&path);
    return rc;
}

int authority_install(struct authorities *all, struct authority *a, struct store *s, struct view *v,
                      struct slice der, struct fault *f)
{
    struct cert c;

    if (cert_parse(der, &c, f) != 0 ||
        authority_check_certificate(all, a, NULL, &c, clock_now(), f) != 0)
        return -(int)f->code;
    if (write_files(a->conf, der, f) != 0)
        return -(int)f->code;
    STEP("install.filed");
    if (authority_set_certificate(all, a, s, der, f) != 0 ||
        view_issuer(v, a->number, a->conf->name, buf_slice(&a->certificate), f) != 0)
        return -(int)f->code;
    log_info("issuer.certified", "issuer", a->conf->name, "sha256",
             log_hex(slice_of(a->fingerprint, 32)), NULL);
    return 0;
}
