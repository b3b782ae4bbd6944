#include "ca/enroll/rename.h"

#include <stdlib.h>

#include "est/linking.h"

#define FIELD "ChangeSubjectName"

static int deny(struct slice value, const char *allowed, struct fault *f)
{
    (void)fault_refuse(f, "est.rename", FIELD, value, allowed);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

static bool matches_any(const struct san *s, char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bearer_name_matches(patterns[i], s))
            return true;
    return false;
}

/* A template that this subject does not fill in matches nothing. */
static bool matches_label(const struct conf_est *label, struct slice subject, const struct san *s)
{
    char pattern[DEVICE_NAME_SIZE];

    for (size_t i = 0; i < label->n_rename; i++)
        if (device_expand(label->rename[i], subject, pattern) == 0 &&
            bearer_name_matches(pattern, s))
            return true;
    return false;
}

static int check_name(const struct evidence *e, const struct door_bearer *b, const struct san *s,
                      struct fault *f)
{
    const struct conf_est_user *u = NULL;
    struct buf text;
    int rc;

    if (san_list_has(&b->names, s))
        return 0;
    if (e->way == WAY_CERTIFICATE_PASSWORD)
        u = conf_est_user(e->parts->conf, e->request->user);
    if (matches_label(e->label, b->subject, s) &&
        (u == NULL || matches_any(s, u->names, u->n_names)))
        return 0;
    buf_init(&text, 4 * SAN_VALUE_MAX + 16);
    san_print(s, &text);
    rc = deny(buf_slice(&text), "names of the certificate, and those that the label lets it take",
              f);
    buf_free(&text);
    return rc;
}

static int take(const struct evidence *e, const struct name_change *n, struct door_bearer *b,
                struct fault *f)
{
    if (e->label->n_rename == 0)
        return deny(SLICE_NONE, "no change of names under this label", f);
    for (size_t i = 0; i < n->sans.n; i++)
        if (check_name(e, b, &n->sans.item[i], f) != 0)
            return -(int)f->code;
    b->renamed = true;
    b->new_subject = n->has_subject ? n->subject : SLICE_NONE;
    b->has_new_names = n->has_sans;
    b->new_names = n->sans;
    return 0;
}

int rename_take(const struct evidence *e, const struct csr *csr, struct door_bearer *b,
                struct fault *f)
{
    struct name_change *n;
    bool there;
    int rc;

    if (b == NULL || !b->renews)
        return 0;
    n = xcalloc(1, sizeof(*n));
    rc = name_change_get(csr, n, &there, f);
    if (rc == 0 && there)
        rc = take(e, n, b, f);
    free(n);
    return rc;
}
