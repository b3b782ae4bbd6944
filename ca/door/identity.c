#include "ca/door/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/tokens.h"
#include "lib/cert.h"
#include "lib/clock.h"

#define NAME_TEXT (4 * SAN_VALUE_MAX + 16)

struct identity {
    uint64_t token; /* with which it was got; 0: none */
    char profile[STORE_NAME_MAX];
    size_t n;
    char **name; /* "dns:a.example", "upn:..." */
};

struct search {
    struct identity *item;
    size_t n;
    int64_t restored_at, now;
    struct token_ids *out;
};

void token_ids_free(struct token_ids *t)
{
    free(t->id);
    *t = (struct token_ids){0};
}

static void add(struct token_ids *t, uint64_t id)
{
    if (t->n == t->room) {
        t->room = t->room == 0 ? 16 : 2 * t->room;
        t->id = xreallocarray(t->id, t->room, sizeof(*t->id));
    }
    t->id[t->n++] = id;
}

/* ---- identities ---- */

static void note_names(const struct san_list *sans, struct identity *out)
{
    struct buf text;

    buf_init(&text, NAME_TEXT);
    out->name = xcalloc(sans->n + 1, sizeof(*out->name));
    for (size_t i = 0; i < sans->n; i++) {
        buf_reset(&text);
        san_print(&sans->item[i], &text);
        out->name[out->n++] = xstrdup(buf_cstr(&text));
    }
    buf_free(&text);
}

static int note_identity(struct store *s, const struct cert_ref *ref, struct identity *out,
                         struct fault *f)
{
    struct cert_row row;
    struct cert c;
    int rc;

    cert_row_init(&row);
    rc = store_get(s, ref, &row, f);
    if (rc == 0) {
        out->token = token_of_requester(row.requester);
        memcpy(out->profile, row.profile, sizeof(out->profile));
    }
    if (rc == 0 && row.tbs.n > 0) /* lost in a restore: nothing is known of it */
        rc = tbs_parse(row.tbs, &c, f);
    if (rc == 0 && row.tbs.n > 0)
        note_names(&c.sans, out);
    cert_row_free(&row);
    return rc;
}

static int note_all(struct store *s, const uint8_t (*serial)[SERIAL_LEN], size_t n,
                    struct search *out, struct fault *f)
{
    struct cert_ref ref[2];
    size_t found;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = store_find_serial(s, serial[i], ref, 2, &found, f);
        if (rc == -FAULT_NOT_FOUND || (rc == 0 && found != 1))
            rc = 0;
        else if (rc == 0)
            rc = note_identity(s, &ref[0], &out->item[out->n++], f);
    }
    return rc;
}

static void free_all(struct search *s)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->item[i].n; k++)
            free(s->item[i].name[k]);
        free(s->item[i].name);
    }
    free(s->item);
}

/* ---- tokens ---- */

/* A pattern for a single address may say so by its prefix. */
static bool same_name(const char *pattern, const char *name)
{
    size_t n = strlen(name);

    if (strncasecmp(pattern, name, n) != 0)
        return false;
    return pattern[n] == '\0' ||
           (strncmp(name, "ip:", 3) == 0 &&
            strcmp(pattern + n, strchr(name + 3, ':') != NULL ? "/128" : "/32") == 0);
}

static bool has_name(const struct identity *i, const char *pattern)
{
    for (size_t k = 0; k < i->n; k++)
        if (same_name(pattern, i->name[k]))
            return true;
    return false;
}

static bool belongs(const struct token_info *t, const struct identity *i)
{
    char upn[sizeof(t->upn) + 8];

    if (i->token == t->id)
        return true;
    if (strcmp(t->profile, i->profile) != 0 || (t->names.n == 0 && t->upn[0] == '\0'))
        return false;
    (void)snprintf(upn, sizeof(upn), "upn:%s", t->upn);
    if (t->upn[0] != '\0' && !has_name(i, upn))
        return false;
    for (uint32_t k = 0; k < t->names.n; k++)
        if (!has_name(i, t->names.item[k]))
            return false;
    return true;
}

static int look_at(void *arg, const struct token_row *t)
{
    struct search *s = arg;
    struct fault ignored;

    if (token_usable(t, s->restored_at, s->now, &ignored) != 0)
        return 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!belongs(&t->info, &s->item[i]))
            continue;
        add(s->out, t->info.id);
        break;
    }
    return 0;
}

int identity_tokens(struct store *s, const uint8_t (*serial)[SERIAL_LEN], size_t n,
                    struct token_ids *out, struct fault *f)
{
    struct search search = {.item = xcalloc(n, sizeof(struct identity)), .now = clock_now()};
    struct store_gate *gate = xcalloc(1, sizeof(*gate));
    int rc = store_gate(s, gate, f);

    *out = (struct token_ids){0};
    search.out = out;
    search.restored_at = gate->restored_at;
    if (rc == 0)
        rc = note_all(s, serial, n, &search, f);
    if (rc == 0)
        rc = store_tokens(s, 0, look_at, &search, f);
    free_all(&search);
    free(gate);
    return rc;
}
