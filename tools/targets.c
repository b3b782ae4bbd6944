#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cert.h"
#include "tools/find.h"
#include "tools/listing.h"
#include "tools/revoke.h"

void targets_free(struct targets *l)
{
    free(l->item);
    *l = (struct targets){0};
}

static bool have(const struct targets *l, const uint8_t serial[SERIAL_LEN])
{
    for (size_t i = 0; i < l->n; i++)
        if (memcmp(l->item[i].serial, serial, SERIAL_LEN) == 0)
            return true;
    return false;
}

static void label(const struct cert_info *i, char out[128])
{
    size_t n = strcspn(i->sans, " ");

    if (n > 0)
        (void)snprintf(out, 128, "%.*s", (int)(n < 127 ? n : 127), i->sans);
    else
        (void)snprintf(out, 128, "%.127s", i->subject);
}

static void add(struct targets *l, const struct cert_info *i)
{
    struct target *t;

    if (l->n == l->room) {
        l->room = l->room == 0 ? 16 : 2 * l->room;
        l->item = xreallocarray(l->item, l->room, sizeof(*l->item));
    }
    t = &l->item[l->n++];
    memset(t, 0, sizeof(*t));
    memcpy(t->serial, i->serial, SERIAL_LEN);
    memcpy(t->status, i->status, sizeof(t->status));
    t->not_after = i->not_after;
    label(i, t->label);
}

static bool is_hex_selector(const char *word)
{
    struct show_request r;
    struct fault f;
    size_t n = find_selector(word, &r, &f) == 0 ? strlen(r.selector) : 0;

    if (strncmp(word, SHOW_FOREIGN, strlen(SHOW_FOREIGN)) == 0)
        return true; /* found, and then refused in words */
    return (n == 2 * SERIAL_LEN || n == 64) && strspn(r.selector, "0123456789abcdef") == n;
}

/* A name may mean many certificates, so it is no selector here. */
static int one_word(struct tool *t, const char *word, struct found *found, struct fault *f)
{
    if (is_hex_selector(word))
        return find_shown(t, word, found, f);
    if (strcmp(word, "-") != 0 && access(word, F_OK) != 0)
        return fault_set(f, FAULT_NOT_FOUND, "revoke.selector",
                         "\"%.100s\" is no serial, no SHA-256 fingerprint and no file; "
                         "--name %.60s means every certificate with that name",
                         word, word);
    return find_shown_file(t, word, found, f);
}

int targets_by_word(struct tool *t, const char *word, struct targets *l, struct fault *f)
{
    struct found found = {.n = 0};
    int rc = one_word(t, word, &found, f);

    if (rc == 0)
        rc = find_is_ours(&found, f);
    if (rc == 0 && !have(l, found.best.info.serial))
        add(l, &found.best.info);
    return rc;
}

int targets_by_words(struct tool *t, struct targets *l, struct fault *f)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < t->n_words; i++)
        rc = targets_by_word(t, t->words[i], l, f);
    return rc;
}

static int add_listed(void *arg, const struct cert_info *info, struct fault *f)
{
    struct targets *l = arg;

    (void)f;
    if (!have(l, info->serial) && strcmp(info->status, "revoked") != 0 &&
        strcmp(info->status, "abandoned") != 0)
        add(l, info);
    return 0;
}

static int key_of(struct tool *t, const struct target *of, uint8_t hash[32], struct fault *f)
{
    char serial[2 * SERIAL_LEN + 1];
    struct found found;
    struct cert c;
    int rc;

    hex_encode(slice_of(of->serial, SERIAL_LEN), serial);
    rc = find_shown(t, serial, &found, f);
    if (rc == 0 && found.best.certificate.n == 0)
        rc = fault_set(f, FAULT_CONFLICT, "revoke.open",
                       "%s was never finished: its key is not known here", serial);
    if (rc == 0)
        rc = cert_parse(found.best.certificate, &c, f);
    if (rc == 0)
        spki_hash(&c.key, hash);
    return rc;
}

int targets_with_keys(struct tool *t, struct targets *l, struct fault *f)
{
    size_t named = l->n;
    bool more;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < named; i++) {
        struct list_request r = {.has_key = true, .sources = 1u << SOURCE_ISSUED};

        rc = key_of(t, &l->item[i], r.key, f);
        if (rc == 0)
            rc = listing_each(t, &r, 0, add_listed, l, &more, f);
    }
    return rc;
}

static int add_current(void *arg, const struct cert_info *info, struct fault *f)
{
    if (strcmp(info->status, "valid") != 0 && strcmp(info->status, "held") != 0 &&
        strcmp(info->status, "open") != 0)
        return 0;
    /* The walk meets each certificate once, so there is no need to look for it. */
    (void)f;
    add(arg, info);
    return 0;
}

static int key_from_text(const char *text, struct list_request *r, struct fault *f)
{
    if (hex_decode(text, r->key, sizeof(r->key)) != 0)
        return fault_set(f, FAULT_MALFORMED, "revoke.key",
                         "--key is the SHA-256 of a SubjectPublicKeyInfo, 64 digits");
    r->has_key = true;
    return 0;
}

static int fill(const struct revoke_args *a, struct list_request *r, struct fault *f)
{
    int rc = tool_field(r->owner, sizeof(r->owner), "--owner", a->owner, f);

    if (rc == 0)
        rc = tool_field(r->profile, sizeof(r->profile), "--profile", a->profile, f);
    if (rc == 0)
        rc = tool_field(r->name, sizeof(r->name), "--name",
                        a->name == NULL ? NULL : find_name(a->name), f);
    if (rc == 0)
        rc = tool_field(r->issuer, sizeof(r->issuer), "--issuer", a->issuer, f);
    if (rc == 0)
        rc = tool_field(r->requester, sizeof(r->requester), "--requester", a->requester, f);
    if (rc == 0 && a->key != NULL)
        rc = key_from_text(a->key, r, f);
    r->issued_from = a->issued_from;
    r->issued_before = a->issued_before;
    return rc;
}

int targets_by_filter(struct tool *t, const struct revoke_args *a, struct targets *l,
                      struct fault *f)
{
    struct list_request r = {.limit = 1, .sources = 1u << SOURCE_ISSUED};
    bool more;
    int rc = fill(a, &r, f);

    return rc == 0 ? listing_each(t, &r, 0, add_current, l, &more, f) : rc;
}
