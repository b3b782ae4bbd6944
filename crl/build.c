#include "crl/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK ((size_t)256 * 1024)

/* Appends to a file at its own offset. */
struct out {
    int fd;
    uint64_t at;
    struct buf block;
    struct fault *f;
};

static void out_begin(struct out *o, int fd, uint64_t at, struct fault *f)
{
    *o = (struct out){.fd = fd, .at = at, .f = f};
    buf_init(&o->block, BLOCK + CRL_SURROUND_MAX);
}

static int write_failed(struct fault *f)
{
    enum fault_code code = errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL;

    return fault_set(f, code, "crl.write", "the CRL cannot be written: %s", strerror(errno));
}

static int out_flush(struct out *o)
{
    for (size_t done = 0; done < o->block.n;) {
        ssize_t n = pwrite(o->fd, o->block.p + done, o->block.n - done, (off_t)(o->at + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return write_failed(o->f);
        done += (size_t)n;
    }
    o->at += o->block.n;
    buf_reset(&o->block);
    return 0;
}

static int put_entries(struct out *o, const struct crl_entry *e, size_t n, struct crl_entry *last,
                       struct fault *f)
{
    for (size_t i = 0; i < n; i++) {
        /* Equal serials would be two answers for one certificate. */
        if (last->serial_len > 0 && slice_cmp(slice_of(last->serial, last->serial_len),
                                              slice_of(e[i].serial, e[i].serial_len)) >= 0)
            return fault_set(f, FAULT_INTERNAL, "crl.order", "entries do not come in order");
        *last = e[i];
        crl_entry_put(&o->block, &e[i]);
        if (o->block.n >= BLOCK - CRL_ENTRY_MAX && out_flush(o) != 0)
            return -(int)f->code;
    }
    return 0;
}

static int put_all(struct out *o, crl_source next, void *arg, uint64_t *entries, struct fault *f)
{
    struct crl_entry *batch = xcalloc(CRL_SOURCE_BATCH, sizeof(*batch));
    struct crl_entry last = {.serial_len = 0};
    size_t n = 0;
    int rc;

    do {
        rc = next(arg, batch, CRL_SOURCE_BATCH, &n, f);
        if (rc == 0)
            rc = put_entries(o, batch, n, &last, f);
        *entries += n;
    } while (rc == 0 && n > 0);
    if (rc == 0)
        rc = out_flush(o);
    free(batch);
    return rc;
}

/* The head goes right in front of the entries, the tail right behind. */
static int put_around(struct out *o, const struct crl_spec *spec, struct crl_draft *d,
                      struct fault *f)
{
    uint64_t entries = o->at - CRL_SURROUND_MAX;
    int rc;

    crl_tail_put(&o->block, spec);
    if (buf_failed(&o->block))
        return fault_set(f, FAULT_TOO_LARGE, "crl.size", "the CRL is too large");
    rc = out_flush(o);
    if (rc != 0)
        return rc;
    d->octets = o->at - CRL_SURROUND_MAX;
    crl_head_put(&o->block, spec, entries);
    if (buf_failed(&o->block) || o->block.n > CRL_SURROUND_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "crl.size", "the CRL is too large");
    d->octets += o->block.n;
    d->start = CRL_SURROUND_MAX - o->block.n;
    o->at = d->start;
    return out_flush(o);
}

int crl_build(int fd, const struct crl_spec *spec, crl_source next, void *arg,
              struct crl_draft *out, struct fault *f)
{
    struct out o;
    int rc;

    *out = (struct crl_draft){.fd = fd};
    fault_clear(f);
    out_begin(&o, fd, CRL_SURROUND_MAX, f);
    rc = put_all(&o, next, arg, &out->entries, f);
    if (rc == 0)
        rc = put_around(&o, spec, out, f);
    buf_free(&o.block);
    return rc;
}

int crl_verify(const struct crl_draft *d, const struct spki *key, enum sig_alg alg,
               struct slice signature, struct fault *f)
{
    struct pubkey *pub;
    const uint8_t *map;
    int rc = pubkey_open(key, &pub, f);

    if (rc != 0)
        return rc;
    map = mmap(NULL, d->start + d->octets, PROT_READ, MAP_SHARED, d->fd, 0);
    if (map == MAP_FAILED)
        rc = fault_set(f, FAULT_INTERNAL, "crl.read", "the draft cannot be mapped: %s",
                       strerror(errno));
    else if (pubkey_verify(pub, alg, slice_of(map + d->start, d->octets), signature) != 0)
        rc = fault_set(f, FAULT_INTERNAL, "crl.signature",
                       "the signature of the CRL does not verify");
    if (map != MAP_FAILED)
        (void)munmap((void *)(uintptr_t)map, d->start + d->octets);
    pubkey_free(pub);
    return rc;
}

static int copy_draft(const struct crl_draft *d, struct out *o, struct fault *f)
{
    struct crl_file from = {d->fd, d->start};
    uint64_t end = d->start + d->octets;

    while (from.at < end) {
        size_t room = BLOCK - o->block.n;
        uint8_t *p = buf_grow(&o->block, end - from.at < room ? (size_t)(end - from.at) : room);
        size_t want = (size_t)(o->block.p + o->block.n - p);
        int64_t n = crl_file_read(&from, p, want);

        if (n <= 0)
            return fault_set(f, FAULT_INTERNAL, "crl.read", "the draft ends early");
        o->block.n -= want - (size_t)n;
        if (o->block.n >= BLOCK && out_flush(o) != 0)
            return -(int)f->code;
    }
    return 0;
}

int crl_assemble(const struct crl_draft *d, enum sig_alg alg, struct slice signature, int fd,
                 uint64_t *octets, struct fault *f)
{
    struct out o;
    int rc;

    *octets = 0;
    fault_clear(f);
    out_begin(&o, fd, 0, f);
    crl_outer_put(&o.block, d->octets, alg, signature);
    rc = copy_draft(d, &o, f);
    if (rc == 0) {
        crl_signature_put(&o.block, alg, signature);
        rc = out_flush(&o);
    }
    *octets = o.at;
    buf_free(&o.block);
    return rc;
}
