/* From arguments to the one request type. */
#include "tools/request.h"

#include <string.h>

static int add_sans(struct job *j, struct fault *f)
{
    struct san san;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < j->args->sans.n; i++) {
        rc = san_parse(j->args->sans.item[i], &san, j->addresses, sizeof(j->addresses),
                       &j->addresses_used, f);
        if (rc == 0)
            rc = san_list_add(&j->request.sans, &san, f);
    }
    return rc;
}

/* RFC 5280 appendix A: ub-common-name is 64. */
int job_local_subject(struct job *j, struct fault *f)
{
    const struct san_list *sans = &j->request.sans;

    if (j->args->subject != NULL)
        return name_parse(j->args->subject, &j->subject, f);
    for (size_t i = 0; i < sans->n; i++)
        if (sans->item[i].kind == SAN_DNS && sans->item[i].value.n <= 64)
            return name_from_cn(sans->item[i].value, &j->subject, f);
    return name_from_cn(SLICE_NONE, &j->subject, f);
}

int job_fill(struct job *j, struct fault *f)
{
    const struct request_args *a = j->args;
    struct issue_request *r = &j->request;
    int rc = tool_field(r->profile, sizeof(r->profile), "--profile", a->profile, f);

    if (rc == 0)
        rc = tool_field(r->owner, sizeof(r->owner), "--owner", a->owner, f);
    if (rc == 0)
        rc = add_sans(j, f);
    if (rc == 0 && a->csr != NULL)
        rc = tool_field(r->subject, sizeof(r->subject), "--subject", a->subject, f);
    else if (rc == 0)
        rc = job_local_subject(j, f);
    return rc;
}
