#include "est/path.h"

#include <string.h>

#include "est/certs.h"
#include "lib/http.h"

#define PKCS10 "application/pkcs10"

const struct est_operation est_operations[] = {
    {EST_CACERTS, "cacerts", "GET", "", CERTS_TYPE, true, false},
    {EST_SIMPLEENROLL, "simpleenroll", "POST", PKCS10, CERTS_TYPE, true, true},
    {EST_SIMPLEREENROLL, "simplereenroll", "POST", PKCS10, CERTS_TYPE, true, true},
    {EST_FULLCMC, "fullcmc", "POST", CERTS_TYPE, CERTS_TYPE, false, true},
    {EST_SERVERKEYGEN, "serverkeygen", "POST", PKCS10, "multipart/mixed", true, true},
    {EST_CSRATTRS, "csrattrs", "GET", "", "application/csrattrs", true, false},
    {0, NULL, NULL, NULL, NULL, false, false},
};

static const struct est_operation *find(struct slice name)
{
    for (const struct est_operation *o = est_operations; o->name != NULL; o++)
        if (slice_is(name, o->name))
            return o;
    return NULL;
}

const struct est_operation *est_operation(enum est_op op)
{
    for (const struct est_operation *o = est_operations; o->name != NULL; o++)
        if (o->op == op)
            return o;
    return NULL;
}

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 7030 3.2.2: a label is no operation. */
bool est_label_valid(const char *label)
{
    size_t n = strlen(label);

    if (n == 0 || n > EST_LABEL_MAX || !letter_or_digit(label[0]) || find(slice_str(label)) != NULL)
        return false;
    for (size_t i = 1; i < n; i++)
        if (!letter_or_digit(label[i]) && strchr("._-", label[i]) == NULL)
            return false;
    return true;
}

int est_path_parse(const char *target, struct est_path *out)
{
    char path[HTTP_PATH_MAX];
    const char *rest, *slash;
    size_t n;

    memset(out, 0, sizeof(*out));
    if (strcasestr(target, "%2f") != NULL || http_path(target, path) != 0 ||
        strncmp(path, EST_ROOT, strlen(EST_ROOT)) != 0)
        return -1;
    rest = path + strlen(EST_ROOT);
    slash = strchr(rest, '/');
    n = slash == NULL ? 0 : (size_t)(slash - rest);
    if (n > EST_LABEL_MAX)
        return -1;
    memcpy(out->label, rest, n);
    if (slash != NULL && !est_label_valid(out->label))
        return -1;
    out->operation = find(slice_str(slash == NULL ? rest : slash + 1));
    return out->operation == NULL ? -1 : 0;
}
