#include "tools/notecsv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/file.h"
#include "tools/certjson.h"
#include "tools/csv.h"

#define FILE_OCTETS_MAX ((size_t)256 << 20)

static const char *const key_names[] = {"identity", "fingerprint", "name"};
#define KEYS (sizeof(key_names) / sizeof(key_names[0]))

struct table {
    struct csv csv;
    int key;                        /* index in key_names; -1: none yet */
    int key_column;                 /* of the file */
    unsigned field[CSV_FIELDS_MAX]; /* bit by column; 0: passed over */
};

static bool passed_over(const char *name)
{
    for (size_t i = 0; cert_sheet.keys[i] != NULL; i++)
        if (strcasecmp(cert_sheet.keys[i], name) == 0)
            return true;
    return false;
}

/* The first of the key columns counts; a column that means nothing is probably mistyped. */
static int read_column(struct table *t, size_t at, struct fault *f)
{
    const char *name = t->csv.field[at];

    for (int k = 0; k < (int)KEYS; k++) {
        if (strcasecmp(name, key_names[k]) != 0)
            continue;
        if (t->key < 0 || k < t->key) {
            t->key = k;
            t->key_column = (int)at;
        }
        return 0;
    }
    t->field[at] = annotation_field_parse(name);
    if (t->field[at] != 0 || passed_over(name))
        return 0;
    return fault_refuse(f, "inventory.column", "column", slice_str(name),
                        "identity, fingerprint or name, and fields such as owner");
}

static int read_head(struct table *t, struct fault *f)
{
    int rc = csv_next(&t->csv, f);

    t->key = -1;
    if (rc == 1)
        return fault_set(f, FAULT_MALFORMED, "inventory.empty", "the file is empty");
    for (size_t i = 0; rc == 0 && i < t->csv.n; i++)
        rc = read_column(t, i, f);
    if (rc == 0 && t->key < 0)
        rc = fault_set(f, FAULT_MALFORMED, "inventory.column",
                       "there is no column identity, fingerprint or name");
    return rc;
}

/* What our own lists put in front of a formula (tools/rows.c). */
static const char *unescaped(const char *cell)
{
    return cell[0] == '\'' && cell[1] != 0 && strchr("=+-@", cell[1]) != NULL ? cell + 1 : cell;
}

static int read_fields(const struct table *t, struct annotation *a, unsigned *mask, struct fault *f)
{
    int rc = 0;

    *mask = 0;
    for (size_t i = 0; rc == 0 && i < t->csv.n; i++) {
        const char *cell = unescaped(t->csv.field[i]);

        if (t->field[i] == 0 || cell[0] == 0)
            continue;
        rc = annotation_parse(a, t->field[i], cell, f);
        *mask |= t->field[i];
    }
    return rc;
}

static int find(struct tool *t, const struct table *tab, const char *key, struct picks *p,
                struct fault *f)
{
    struct buf word;
    int rc;

    if (key[0] == 0)
        return fault_set(f, FAULT_MALFORMED, "inventory.key", "the row names nothing");
    buf_init(&word, CSV_FIELD_MAX + 16);
    buf_printf(&word, "%s%s", tab->key == 0 ? "identity:" : "", key);
    rc = picks_word(t, buf_cstr(&word), p, f);
    buf_free(&word);
    return rc;
}

static int one_row(struct table *tab, struct noting *n, struct fault *f)
{
    const char *key =
        (size_t)tab->key_column < tab->csv.n ? unescaped(tab->csv.field[tab->key_column]) : "";
    struct annotation a = {.owner = ""};
    struct picks p = {0};
    struct fault why = {0};
    unsigned mask;
    int rc = read_fields(tab, &a, &mask, &why);

    if (rc == 0 && mask == 0)
        return 0;
    if (rc == 0)
        rc = find(n->tool, tab, key, &p, &why);
    if (rc != 0)
        rc = noting_refused(n, key, &why, f);
    for (size_t i = 0; rc == 0 && i < p.n; i++) {
        memcpy(a.identity, p.item[i].now.identity, sizeof(a.identity));
        rc = noting_add(n, p.item[i].label, &a, mask, f);
    }
    picks_free(&p);
    return rc;
}

static int all_rows(struct tool *t, struct table *tab, struct slice text, bool dry_run)
{
    struct fault f = {0};
    struct noting *n;
    int rc = read_head(tab, &f);

    if (rc == 0)
        rc = tool_connect(t, &f);
    if (rc != 0)
        return tool_fail(t, &f);
    n = noting_new(t, dry_run, csv_lines(text));
    while (rc == 0 && (rc = csv_next(&tab->csv, &f)) == 0)
        rc = one_row(tab, n, &f);
    rc = noting_end(n, rc == 1 ? 0 : rc, &f);
    noting_free(n);
    return rc;
}

int notecsv_run(struct tool *t, const char *path, bool dry_run)
{
    struct table *tab = xcalloc(1, sizeof(*tab));
    struct buf text = {0};
    struct fault f = {0};
    int rc = file_read(path, FILE_OCTETS_MAX, &text, &f);

    if (rc == 0) {
        csv_init(&tab->csv, buf_slice(&text));
        rc = all_rows(t, tab, buf_slice(&text), dry_run);
        csv_free(&tab->csv);
    } else {
        rc = tool_fail(t, &f);
    }
    buf_free(&text);
    free(tab);
    return rc;
}
