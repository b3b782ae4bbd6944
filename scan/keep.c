#include "scan/keep.h"

void scan_result_keep(struct scan_result *r, struct buf *octets)
{
    size_t at = 0;

    buf_reset(octets);
    for (size_t i = 0; i < r->n_chain; i++)
        buf_put_slice(octets, r->chain[i]);
    buf_put_slice(octets, r->ocsp);
    for (size_t i = 0; i < r->n_chain; i++) {
        r->chain[i].p = octets->p + at;
        at += r->chain[i].n;
    }
    r->ocsp = r->ocsp.n > 0 ? slice_of(octets->p + at, r->ocsp.n) : SLICE_NONE;
}
