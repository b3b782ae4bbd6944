#include "ca/inventory/stranger.h"

#include <stdio.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/log.h"

#define SAME_SERIAL_MAX 16

/* Was just this issued under its serial number? Also when it was given up, or its signature lost.
 */
static int issued(struct store *s, const struct anycert *c, bool *yes, struct fault *f)
{
    struct cert_ref ref[SAME_SERIAL_MAX];
    struct cert_row row;
    size_t n = 0;
    int rc;

    *yes = false;
    if (c->serial.n != SERIAL_LEN)
        return 0;
    rc = store_find_serial(s, c->serial.p, ref, SAME_SERIAL_MAX, &n, f);
    if (rc == -FAULT_NOT_FOUND) {
        fault_clear(f);
        return 0;
    }
    cert_row_init(&row);
    for (size_t i = 0; rc == 0 && !*yes && i < n; i++) {
        rc = store_get(s, &ref[i], &row, f);
        *yes = rc == 0 && slice_eq(row.tbs, c->tbs);
    }
    cert_row_free(&row);
    return rc;
}

/* What could not be found out is no "no": that somebody has the key of a CA is not overlooked. */
static int signed_by(const struct authority *a, const struct anycert *c, bool *yes, struct fault *f)
{
    struct pubkey *key;
    int rc;

    if (pubkey_open(&a->parsed.key, &key, f) != 0)
        return -(int)f->code;
    rc = pubkey_verify(key, c->alg, c->tbs, c->signature);
    pubkey_free(key);
    *yes = rc == 0;
    if (rc != PUBKEY_UNKNOWN)
        return 0;
    return fault_unavailable(f, 1, "stranger.unknown", "a signature could not be verified");
}

/* Its own, or another one of the same name and key: as a root has before and after it is renewed.
 */
static bool is_own(const struct authority *a, const struct anycert *c)
{
    return slice_eq(c->subject, a->parsed.subject) && slice_eq(c->spki, a->parsed.key.der);
}

int stranger_find(const struct authorities *all, struct store *s, const struct anycert *c,
                  uint16_t *issuer, struct fault *f)
{
    *issuer = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct authority *a = &all->item[i];
        bool known, ours = false;

        if (a->link == NULL || a->certificate.n == 0 || !slice_eq(c->issuer, a->parsed.subject) ||
            is_own(a, c))
            continue;
        if (issued(s, c, &known, f) != 0)
            return -(int)f->code;
        if (known)
            return 0;
        if (signed_by(a, c, &ours, f) != 0)
            return -(int)f->code;
        if (ours) {
            *issuer = a->number;
            return 0;
        }
    }
    return 0;
}

void stranger_tell(const struct foreign *item)
{
    char hex[65], number[24];
    uint8_t fingerprint[32];

    if (item->stranger == 0)
        return;
    cert_fingerprint(item->der, fingerprint);
    hex_encode(slice_of(fingerprint, sizeof(fingerprint)), hex);
    (void)snprintf(number, sizeof(number), "%u", (unsigned)item->stranger);
    log_error("inventory.stranger", "text",
              "A certificate bears the signature of an issuer of ours, and was not issued here: "
              "somebody else has the use of its key",
              "sha256", hex, "issuer", number, "origin", item->origin, NULL);
}
