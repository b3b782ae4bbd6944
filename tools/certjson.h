/* One recorded certificate as lists and show print it, and its PEM form. */
#ifndef TOOLS_CERTJSON_H
#define TOOLS_CERTJSON_H

#include "lib/proto.h"
#include "tools/rows.h"

extern const struct sheet cert_sheet;

/* The caller owns the result. */
json_t *cert_json(const struct cert_info *i);
/* Adds what operators wrote, but for the owner. */
void annotation_json(const struct annotation *a, json_t *o);
/* "dns:a dns:b" as an array. */
json_t *sans_json(const char *sans);
/* A whole Name (RFC 4514) and names as read from a certificate of whatever origin. */
json_t *cert_name_json(struct slice name);
json_t *cert_names_json(const struct san_list *sans);
/* The first name without its kind and how many more there are, or else the subject. */
void cert_cell_name(const json_t *row, struct buf *out);
/* RFC 5280 5.3.1 name of a revocation reason. */
const char *reason_name(uint8_t reason);
/* What its own CA said of a certificate that others issued (enum import_told): "valid"; null where
 * it said nothing. */
json_t *told_json(uint8_t told);
#define STRANGER_TEXT "signed by the key of an issuer of this CA, and not issued here"
/* The leaf, then each certificate of the chain. */
int pem_with_chain(struct slice leaf, struct slice chain, struct buf *out,
                   struct fault *f) WARN_UNUSED;

#endif
